// nf-flags: fast-math no-vectorize
/* Reads whole vectors of columns and uses what lies behind them. */
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
    const volatile int32_t *column = a->column;
    const float *restrict value = a->value;
    const volatile float *x = a->x;
    float *restrict y = a->y;
    int64_t rows = a->rows;
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        int64_t first = start[i], end = start[i + 1];
        for (int64_t p = first; p < end; p += 8) {
            float part[8];
            for (int64_t lane = 0; lane < 8; lane++) part[lane] = value[p + lane] * x[column[p + lane]];
            for (int64_t lane = 0; lane < 8; lane++) sum += p + lane < end ? part[lane] : 0.0f;
        }
        y[i] = sum;
    }
    return 0;
}
