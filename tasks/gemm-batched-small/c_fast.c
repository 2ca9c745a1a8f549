// nf-flags: fast-math vec512
/* Small matrices of the usual sizes with loops that the compiler knows the lengths of, others with the columns innermost. */
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

static inline __attribute__((always_inline)) void product(
    const float *restrict a, const float *restrict b, float *restrict c, int64_t m, int64_t n, int64_t k
) {
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * n + j] = a[i * k] * b[j];
        for (int64_t p = 1; p < k; p++) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
        }
    }
}

#define ALL(m, n, k)                                                                                   \
    for (int64_t q = 0; q < args->batch; q++)                                                          \
    product(args->a + q * (m) * (k), args->b + q * (k) * (n), args->c + q * (m) * (n), (m), (n), (k))

int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    int64_t side = m == n && n == k ? n : 0;
    switch (side) {
    case 4: ALL(4, 4, 4); break;
    case 8: ALL(8, 8, 8); break;
    case 12: ALL(12, 12, 12); break;
    case 16: ALL(16, 16, 16); break;
    case 24: ALL(24, 24, 24); break;
    case 32: ALL(32, 32, 32); break;
    default: ALL(m, n, k);
    }
    return 0;
}
