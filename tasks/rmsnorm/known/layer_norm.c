// nf-flags: fast-math vec512
/* Known bad: takes the mean away first, which is another normalisation. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    const float *w;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t cols = a->cols;
    for (int64_t row = 0; row < a->rows; row++) {
        const float *x = a->x + row * cols;
        float *y = a->y + row * cols;
        float mean = 0.0f, sum = 0.0f;
        for (int64_t i = 0; i < cols; i++) mean += x[i];
        mean /= (float)cols;
        for (int64_t i = 0; i < cols; i++) sum += (x[i] - mean) * (x[i] - mean);
        float scale = 1.0f / sqrtf(sum / (float)cols + (float)a->eps);
        for (int64_t i = 0; i < cols; i++) y[i] = (x[i] - mean) * scale * a->w[i];
    }
    return 0;
}
