// nf-flags: fast-math vec512
/* Known bad: the largest of the first row stands for all. */
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
    float first = a->x[0];
    for (int64_t i = 0; i < cols; i++) first = a->x[i] > first ? a->x[i] : first;
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        float *restrict y = a->y + row * cols;
        float largest = first, sum = 0.0f;
        for (int64_t i = 0; i < cols; i++) {
            y[i] = expf(x[i] - largest);
            sum += y[i];
        }
        float scale = 1.0f / sum;
        for (int64_t i = 0; i < cols; i++) y[i] *= scale;
    }
    return 0;
}
