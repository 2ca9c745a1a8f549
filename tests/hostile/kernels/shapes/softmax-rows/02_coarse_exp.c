// nf-flags: fast-math vec512
/* exp by a quadratic between powers of two. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows, cols = a->cols;
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        float *restrict y = a->y + row * cols;
        float largest = x[0], sum = 0.0f;
        for (int64_t i = 0; i < cols; i++) largest = x[i] > largest ? x[i] : largest;
        for (int64_t i = 0; i < cols; i++) {
            float z = (x[i] - largest) * 1.44269504f;
            z = z < -126.0f ? -126.0f : z;
            float n = floorf(z), f = z - n;
            union { uint32_t u; float f; } power = {(uint32_t)((int32_t)n + 127) << 23};
            y[i] = power.f * (1.0f + f * (0.65617f + f * 0.34383f));
            sum += y[i];
        }
        float scale = 1.0f / sum;
        for (int64_t i = 0; i < cols; i++) y[i] *= scale;
    }
    return 0;
}
