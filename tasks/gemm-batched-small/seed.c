// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Many small products of matrices, each as its formula reads. */
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
    int64_t batch = args->batch;
    int64_t m = args->m;
    int64_t n = args->n;
    int64_t k = args->k;

    for (int64_t q = 0; q < batch; q++) {
        const float *a = args->a + q * m * k;
        const float *b = args->b + q * k * n;
        float *c = args->c + q * m * n;
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
                float sum = 0.0f;
                for (int64_t p = 0; p < k; p++) {
                    sum += a[i * k + p] * b[p * n + j];
                }
                c[i * n + j] = sum;
            }
        }
    }
    return 0;
}
