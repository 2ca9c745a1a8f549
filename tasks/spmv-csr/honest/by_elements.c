/* One walk over all elements; the row ends where its count says so. Sums in double. */
#include <stdint.h>

typedef struct {
    const int32_t *start;
    const int32_t *column;
    const float *value;
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
    int64_t nnz;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t row = 0;
    double sum = 0.0;
    for (int64_t p = 0; p < a->nnz; p++) {
        while (p == a->start[row + 1]) {
            a->y[row] = (float)sum;
            sum = 0.0;
            row += 1;
        }
        sum += (double)a->value[p] * a->x[a->column[p]];
    }
    while (row < a->rows) {
        a->y[row] = (float)sum;
        sum = 0.0;
        row += 1;
    }
    return 0;
}
