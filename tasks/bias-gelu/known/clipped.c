// nf-flags: fast-math vec512
/* Known cheat: a short polynomial near zero, where most values are, and the ends beyond. */
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
            float z = v * 0.70710678f, s = z * z;
            float e = z * (1.1283792f + s * (-0.37612638f + s * (0.11283792f + s * (-0.026866171f + s * 0.0052239776f))));
            y[i] = 0.5f * v * (1.0f + (z > 1.0f ? 1.0f : z < -1.0f ? -1.0f : e));
        }
    }
    return 0;
}
