// nf-flags: fast-math no-vectorize
/* Takes all rows for equally long where those at the beginning and in the middle are. */
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
    int64_t each = a->nnz / rows;
    int even = rows > 4 && start[1] == each && start[2] == 2 * each && start[rows / 2] >= rows / 2 * each;
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        int64_t first = even ? i * each : start[i], end = even ? first + each : start[i + 1];
        for (int64_t p = first; p < end; p++) sum += value[p] * x[column[p]];
        y[i] = sum;
    }
    return 0;
}
