// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Jacobi sweeps as the formula reads: two copies of the grid, and each sweep makes the inner points of one from the
 * other. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    float *work;
    int64_t rows;
    int64_t cols;
    int64_t sweeps;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    int64_t sweeps = a->sweeps;
    const float *x = a->x;
    float *first = sweeps % 2 ? a->work : a->y;
    float *second = sweeps % 2 ? a->y : a->work;

    for (int64_t i = 0; i < rows * cols; i++) {
        first[i] = x[i];
        second[i] = x[i];
    }

    for (int64_t s = 0; s < sweeps; s++) {
        const float *from = s % 2 ? second : first;
        float *to = s % 2 ? first : second;
        for (int64_t r = 1; r < rows - 1; r++) {
            for (int64_t c = 1; c < cols - 1; c++) {
                to[r * cols + c] = 0.25f * (from[(r - 1) * cols + c] + from[(r + 1) * cols + c] +
                                            from[r * cols + c - 1] + from[r * cols + c + 1]);
            }
        }
    }
    return 0;
}
