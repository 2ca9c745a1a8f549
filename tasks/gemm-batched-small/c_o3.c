/* Matrix by matrix, row by row, the columns innermost; gcc -O3. */
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

int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    for (int64_t q = 0; q < args->batch; q++) {
        const float *restrict a = args->a + q * m * k;
        const float *restrict b = args->b + q * k * n;
        float *restrict c = args->c + q * m * n;
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] = a[i * k] * b[j];
            for (int64_t p = 1; p < k; p++) {
                for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
            }
        }
    }
    return 0;
}
