// nf-flags: fast-math vec512
/* One loop, erf by Abramowitz and Stegun's formula 7.1.26 with an exponential, vectorised by the compiler. */
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
    int64_t rows = a->rows, cols = a->cols;
    const float *restrict b = a->b;
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        float *restrict y = a->y + row * cols;
        for (int64_t i = 0; i < cols; i++) {
            float v = x[i] + b[i];
            float size = fabsf(v) * 0.70710678f, t = 1.0f / (1.0f + 0.3275911f * size);
            float sum = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
            float tail = 0.5f * sum * expf(-size * size);
            y[i] = v * (v > 0.0f ? 1.0f - tail : tail);
        }
    }
    return 0;
}
