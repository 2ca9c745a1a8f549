// nf-flags: fast-math vec512
/* Four rows of the result at once and blocks of the inner dimension, so that rows of b stay in the cache. Vectorised by
 * the compiler. */
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

#define ROWS 4
#define DEPTH 256

int nf_kernel(const nf_args *args) {
    const float *restrict a = args->a;
    const float *restrict b = args->b;
    float *restrict c = args->c;
    int64_t m = args->m, n = args->n, k = args->k;
    memset(c, 0, (size_t)(m * n) * sizeof(float));
    for (int64_t start = 0; start < k; start += DEPTH) {
        int64_t end = start + DEPTH < k ? start + DEPTH : k;
        int64_t i = 0;
        for (; i + ROWS <= m; i += ROWS) {
            float *restrict c0 = c + i * n, *restrict c1 = c0 + n, *restrict c2 = c1 + n, *restrict c3 = c2 + n;
            for (int64_t p = start; p < end; p++) {
                const float *restrict row = b + p * n;
                float a0 = a[i * k + p], a1 = a[(i + 1) * k + p], a2 = a[(i + 2) * k + p], a3 = a[(i + 3) * k + p];
                for (int64_t j = 0; j < n; j++) {
                    c0[j] += a0 * row[j];
                    c1[j] += a1 * row[j];
                    c2[j] += a2 * row[j];
                    c3[j] += a3 * row[j];
                }
            }
        }
        for (; i < m; i++) {
            for (int64_t p = start; p < end; p++) {
                for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
            }
        }
    }
    return 0;
}
