// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Softmax of rows as its formula reads: the exponentials of all rows, then their sums, then the quotients. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

// nf: tune BLOCK in {64, 256, 1024, 4096}
#define BLOCK 256

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows;
    int64_t cols = a->cols;

    for (int64_t row = 0; row < rows; row++) {
        const float *x = a->x + row * cols;
        float *y = a->y + row * cols;
        float largest = x[0];
        for (int64_t i = 0; i < cols; i++) {
            largest = x[i] > largest ? x[i] : largest;
        }
        for (int64_t i = 0; i < cols; i++) {
            y[i] = expf(x[i] - largest);
        }
    }

    for (int64_t row = 0; row < rows; row++) {
        float *y = a->y + row * cols;
        float sum = 0.0f;
        for (int64_t start = 0; start < cols; start += BLOCK) {
            int64_t end = start + BLOCK < cols ? start + BLOCK : cols;
            float part = 0.0f;
            for (int64_t i = start; i < end; i++) {
                part += y[i];
            }
            sum += part;
        }
        for (int64_t i = 0; i < cols; i++) {
            y[i] = y[i] / sum;
        }
    }
    return 0;
}
