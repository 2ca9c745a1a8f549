// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* The product of two matrices as its formula reads, with the loop over the columns of b innermost. */
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
    const float *a = args->a;
    const float *b = args->b;
    float *c = args->c;
    int64_t m = args->m;
    int64_t n = args->n;
    int64_t k = args->k;

    for (int64_t i = 0; i < m * n; i++) {
        c[i] = 0.0f;
    }

    for (int64_t i = 0; i < m; i++) {
        for (int64_t p = 0; p < k; p++) {
            for (int64_t j = 0; j < n; j++) {
                c[i * n + j] += a[i * k + p] * b[p * n + j];
            }
        }
    }
    return 0;
}
