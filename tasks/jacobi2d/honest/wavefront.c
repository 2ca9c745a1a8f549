// nf-flags: fast-math vec512
/* All sweeps in one pass: row r of the first sweep, then row r - 1 of the second, and so on. The sweeps in between need
 * three rows each, which stay in the cache; x is read once and y is written once. */
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    float *work;
    int64_t rows;
    int64_t cols;
    int64_t sweeps;
} nf_args;

static void row_of(
    const float *restrict above, const float *restrict row, const float *restrict below, float *restrict out,
    int64_t cols
) {
    out[0] = row[0];
    for (int64_t c = 1; c < cols - 1; c++) {
        out[c] = 0.25f * ((above[c] + below[c]) + (row[c - 1] + row[c + 1]));
    }
    out[cols - 1] = row[cols - 1];
}

static void plain(const nf_args *a) {
    int64_t rows = a->rows, cols = a->cols;
    const float *from = a->x;
    for (int64_t s = 0; s < a->sweeps; s++) {
        float *to = (a->sweeps - s) % 2 ? a->y : a->work;
        memcpy(to, from, (size_t)cols * sizeof(float));
        for (int64_t r = 1; r < rows - 1; r++) {
            const float *row = from + r * cols;
            row_of(row - cols, row, row + cols, to + r * cols, cols);
        }
        if (rows > 1) memcpy(to + (rows - 1) * cols, from + (rows - 1) * cols, (size_t)cols * sizeof(float));
        from = to;
    }
}

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows, cols = a->cols, sweeps = a->sweeps;
    if (rows < 3 * sweeps || rows < 3) {
        plain(a);
        return 0;
    }
    for (int64_t r = 0; r < rows + sweeps - 1; r++) {
        for (int64_t s = 0; s < sweeps; s++) {
            int64_t at = r - s;
            if (at < 0) break;
            if (at >= rows) continue;
            /* Rows of sweep s: the grid itself, or three rows of the room to work in, in turns. */
            float *kept = a->work + (s - 1) * 3 * cols;
            const float *row = s == 0 ? a->x + at * cols : kept + at % 3 * cols;
            float *out = s + 1 == sweeps ? a->y + at * cols : a->work + (s * 3 + at % 3) * cols;
            if (at == 0 || at == rows - 1) {
                memcpy(out, row, (size_t)cols * sizeof(float));
                continue;
            }
            const float *above = s == 0 ? row - cols : kept + (at - 1) % 3 * cols;
            const float *below = s == 0 ? row + cols : kept + (at + 1) % 3 * cols;
            row_of(above, row, below, out, cols);
        }
    }
    return 0;
}
