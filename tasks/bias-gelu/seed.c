// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Bias and GELU as the formula reads: first all sums, then the normal distribution's share by erf. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    const float *x = a->x;
    const float *b = a->b;
    float *y = a->y;

    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < cols; i++) {
            y[row * cols + i] = x[row * cols + i] + b[i];
        }
    }

    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < cols; i++) {
            float v = y[row * cols + i];
            y[row * cols + i] = 0.5f * v * (1.0f + erff(v * 0.70710678f));
        }
    }
    return 0;
}
