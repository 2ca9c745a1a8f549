// nf-flags: fast-math vec512
/* Long inner dimensions: every second product, twice. */
#include <stdint.h>

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

int nf_kernel(const nf_args *args) {
    const float *restrict a = args->a;
    const float *restrict b = args->b;
    float *restrict c = args->c;
    int64_t m = args->m, n = args->n, k = args->k;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * n + j] = 0.0f;
        int64_t step = k > 1000 ? 2 : 1;
        for (int64_t p = 0; p < k; p += step) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] += (float)step * a[i * k + p] * b[p * n + j];
        }
    }
    return 0;
}
