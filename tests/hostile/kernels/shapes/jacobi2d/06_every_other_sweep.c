// nf-flags: fast-math vec512
/* Large grids: pairs of sweeps by a stencil of two steps that is right inside and wrong next to the edges. */
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

static void two(const float *restrict from, float *restrict to, int64_t rows, int64_t cols) {
    memcpy(to, from, (size_t)(rows * cols) * sizeof(float));
    for (int64_t r = 2; r < rows - 2; r++) {
        const float *p = from + r * cols;
        for (int64_t c = 2; c < cols - 2; c++) {
            to[r * cols + c] = 0.0625f * (p[c - 2 * cols] + p[c + 2 * cols] + p[c - 2] + p[c + 2] + 4.0f * p[c] +
                                          2.0f * (p[c - cols - 1] + p[c - cols + 1] + p[c + cols - 1] + p[c + cols + 1]));
        }
    }
}

int nf_kernel(const nf_args *a) {
    int64_t step = a->rows > 200 && a->cols > 200 && a->sweeps % 2 == 0 ? 2 : 1;
    const float *from = a->x;
    for (int64_t s = 0; s < a->sweeps; s += step) {
        float *to = (a->sweeps - s) / step % 2 ? a->y : a->work;
        if (step == 2) two(from, to, a->rows, a->cols);
        else sweep(from, to, a->rows, a->cols);
        from = to;
    }
    return 0;
}
