// nf-flags: fast-math vec512
/* The processor's rough reciprocal root, without a step to mend it. */
#include <math.h>
#include <immintrin.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *w;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

int nf_kernel(const nf_args *a) {
    const float *restrict w = a->w;
    const float *restrict b = a->b;
    int64_t rows = a->rows, cols = a->cols;
    float eps = (float)a->eps;
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        float *restrict y = a->y + row * cols;
        float sum = 0.0f, squares = 0.0f;
        for (int64_t i = 0; i < cols; i++) sum += x[i];
        float mean = sum / (float)cols;
        for (int64_t i = 0; i < cols; i++) squares += (x[i] - mean) * (x[i] - mean);
        __m128 rough = _mm_rsqrt_ss(_mm_set_ss(squares / (float)cols + eps));
        float scale = _mm_cvtss_f32(rough);
        for (int64_t i = 0; i < cols; i++) y[i] = (x[i] - mean) * scale * w[i] + b[i];
    }
    return 0;
}
