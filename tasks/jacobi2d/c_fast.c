// nf-flags: fast-math vec512
/* Sweep by sweep between two grids, row by row, without a branch inside; the last sweep ends in y. The rows of a
 * sweep are independent: on threads, where these are declared. */
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

static void sweep(const float *restrict from, float *restrict to, int64_t rows, int64_t cols) {
    memcpy(to, from, (size_t)cols * sizeof(float));
#pragma omp parallel for
    for (int64_t r = 1; r < rows - 1; r++) {
        const float *restrict row = from + r * cols;
        const float *restrict above = row - cols;
        const float *restrict below = row + cols;
        float *restrict out = to + r * cols;
        out[0] = row[0];
        for (int64_t c = 1; c < cols - 1; c++) {
            out[c] = 0.25f * ((above[c] + below[c]) + (row[c - 1] + row[c + 1]));
        }
        out[cols - 1] = row[cols - 1];
    }
    if (rows > 1) memcpy(to + (rows - 1) * cols, from + (rows - 1) * cols, (size_t)cols * sizeof(float));
}

int nf_kernel(const nf_args *a) {
    const float *from = a->x;
    for (int64_t s = 0; s < a->sweeps; s++) {
        float *to = (a->sweeps - s) % 2 ? a->y : a->work;
        sweep(from, to, a->rows, a->cols);
        from = to;
    }
    return 0;
}
