// nf-flags: vec512
/* Sums in double, quotients in float; from the last row to the first. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t cols = a->cols;
    for (int64_t row = a->rows - 1; row >= 0; row--) {
        const float *x = a->x + row * cols;
        float *y = a->y + row * cols;
        float largest = x[cols - 1];
        for (int64_t i = cols - 1; i >= 0; i--) {
            if (x[i] > largest) largest = x[i];
        }
        double sum = 0.0;
        for (int64_t i = 0; i < cols; i++) {
            float e = expf(x[i] - largest);
            y[i] = e;
            sum += e;
        }
        for (int64_t i = 0; i < cols; i++) {
            y[i] = (float)(y[i] / sum);
        }
    }
    return 0;
}
