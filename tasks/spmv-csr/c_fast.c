// nf-flags: fast-math no-vectorize
/* Row by row with four sums, so that no product waits for the one before. The compiler's gathers do not pay: no vectors. */
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
    const int32_t *restrict start = a->start;
    const int32_t *restrict column = a->column;
    const float *restrict value = a->value;
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t rows = a->rows;
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
        int64_t p = start[i], end = start[i + 1];
        for (; p + 4 <= end; p += 4) {
            s0 += value[p] * x[column[p]];
            s1 += value[p + 1] * x[column[p + 1]];
            s2 += value[p + 2] * x[column[p + 2]];
            s3 += value[p + 3] * x[column[p + 3]];
        }
        for (; p < end; p++) s0 += value[p] * x[column[p]];
        sum = (s0 + s1) + (s2 + s3);
        y[i] = sum;
    }
    return 0;
}
