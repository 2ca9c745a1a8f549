// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math no-vectorize, fast-math unroll no-vectorize}
// nf-flags: fast-math vec512
/* A sparse matrix in compressed rows times a vector, as its formula reads. */
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
    const int32_t *start = a->start;
    const int32_t *column = a->column;
    const float *value = a->value;
    const float *x = a->x;
    float *y = a->y;
    int64_t rows = a->rows;

    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (int64_t p = start[i]; p < start[i + 1]; p++) {
            sum += value[p] * x[column[p]];
        }
        y[i] = sum;
    }
    return 0;
}
