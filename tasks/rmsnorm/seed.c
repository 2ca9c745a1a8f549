// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* RMS normalisation as its formula reads: weights on everything, then row by row the mean square and the scale. */
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

// nf: tune BLOCK in {64, 256, 1024, 4096}
#define BLOCK 256

int nf_kernel(const nf_args *a) {
    const float *x = a->x;
    const float *w = a->w;
    float *y = a->y;
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    float eps = (float)a->eps;

    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < cols; i++) {
            y[row * cols + i] = x[row * cols + i] * w[i];
        }
    }

    for (int64_t row = 0; row < rows; row++) {
        const float *from = x + row * cols;
        float *to = y + row * cols;
        float sum = 0.0f;
        for (int64_t start = 0; start < cols; start += BLOCK) {
            int64_t end = start + BLOCK < cols ? start + BLOCK : cols;
            float part = 0.0f;
            for (int64_t i = start; i < end; i++) {
                part += from[i] * from[i];
            }
            sum += part;
        }
        float scale = 1.0f / sqrtf(sum / (float)cols + eps);
        for (int64_t i = 0; i < cols; i++) {
            to[i] = to[i] * scale;
        }
    }
    return 0;
}
