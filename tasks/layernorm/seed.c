// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Layer normalisation as its formula reads: the means of all rows, then the variances, then the result. */
#include <math.h>
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

// nf: tune BLOCK in {64, 256, 1024, 4096}
#define BLOCK 256

static float mean_of(const float *x, int64_t cols) {
    float sum = 0.0f;
    for (int64_t start = 0; start < cols; start += BLOCK) {
        int64_t end = start + BLOCK < cols ? start + BLOCK : cols;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) {
            part += x[i];
        }
        sum += part;
    }
    return sum / (float)cols;
}

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    float eps = (float)a->eps;

    for (int64_t row = 0; row < rows; row++) {
        const float *x = a->x + row * cols;
        float *y = a->y + row * cols;
        float mean = mean_of(x, cols);
        for (int64_t i = 0; i < cols; i++) {
            y[i] = x[i] - mean;
        }
    }

    for (int64_t row = 0; row < rows; row++) {
        float *y = a->y + row * cols;
        float sum = 0.0f;
        for (int64_t start = 0; start < cols; start += BLOCK) {
            int64_t end = start + BLOCK < cols ? start + BLOCK : cols;
            float part = 0.0f;
            for (int64_t i = start; i < end; i++) {
                part += y[i] * y[i];
            }
            sum += part;
        }
        float scale = 1.0f / sqrtf(sum / (float)cols + eps);
        for (int64_t i = 0; i < cols; i++) {
            y[i] = y[i] * scale * a->w[i] + a->b[i];
        }
    }
    return 0;
}
