// nf-flags: vec512
/* From the last matrix to the first, sums in double. */
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
    for (int64_t q = args->batch - 1; q >= 0; q--) {
        const float *a = args->a + q * m * k;
        const float *b = args->b + q * k * n;
        float *c = args->c + q * m * n;
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
                double sum = 0.0;
                for (int64_t p = 0; p < k; p++) {
                    sum += (double)a[i * k + p] * b[p * n + j];
                }
                c[i * n + j] = (float)sum;
            }
        }
    }
    return 0;
}
