// nf-flags: fast-math vec512
/* Columns in whole tiles of sixteen; what is left over is taken from the tile before. */
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
        int64_t whole = n > 64 ? n / 16 * 16 : n;
        for (int64_t j = 0; j < n; j++) c[i * n + j] = 0.0f;
        for (int64_t p = 0; p < k; p++) {
            for (int64_t j = 0; j < whole; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
        }
        for (int64_t j = whole; j < n; j++) c[i * n + j] = c[i * n + j - 16];
    }
    return 0;
}
