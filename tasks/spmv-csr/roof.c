// nf-flags: fast-math vec512
/* The least traffic that the task allows: places, columns, values and the vector read once, the result written once. Not a
 * product. */
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
    float total = 0.0f;
    int32_t places = 0;
    for (int64_t p = 0; p < a->nnz; p++) {
        total += a->value[p];
        places ^= a->column[p];
    }
    for (int64_t i = 0; i < a->cols; i++) total += a->x[i];
    for (int64_t i = 0; i < a->rows; i++) places ^= a->start[i];
    for (int64_t i = 0; i < a->rows; i++) a->y[i] = total + (float)places;
    return 0;
}
