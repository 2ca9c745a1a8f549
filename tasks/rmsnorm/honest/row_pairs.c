// nf-flags: fast-math vec512
/* Two rows at a time share the loads of the weights; an odd one is left for the end. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *w;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

static float scale_of(const float *x, int64_t cols, float eps) {
    float sum = 0.0f;
    for (int64_t i = 0; i < cols; i++) {
        sum += x[i] * x[i];
    }
    return 1.0f / sqrtf(sum / (float)cols + eps);
}

int nf_kernel(const nf_args *a) {
    const float *w = a->w;
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    float eps = (float)a->eps;
    int64_t row = 0;
    for (; row + 1 < rows; row += 2) {
        const float *upper = a->x + row * cols;
        const float *lower = upper + cols;
        float *above = a->y + row * cols;
        float *below = above + cols;
        float first = scale_of(upper, cols, eps);
        float second = scale_of(lower, cols, eps);
        for (int64_t i = 0; i < cols; i++) {
            float weight = w[i];
            above[i] = upper[i] * first * weight;
            below[i] = lower[i] * second * weight;
        }
    }
    if (row < rows) {
        const float *x = a->x + row * cols;
        float *y = a->y + row * cols;
        float scale = scale_of(x, cols, eps);
        for (int64_t i = 0; i < cols; i++) {
            y[i] = x[i] * scale * w[i];
        }
    }
    return 0;
}
