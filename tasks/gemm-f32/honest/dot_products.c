// nf-flags: vec512
/* Each result as a sum in double, eight columns at a time. */
#include <stdint.h>

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

#define WIDTH 8

int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    for (int64_t left = 0; left < n; left += WIDTH) {
        int64_t right = left + WIDTH < n ? left + WIDTH : n;
        for (int64_t i = 0; i < m; i++) {
            double sums[WIDTH] = {0.0};
            for (int64_t p = 0; p < k; p++) {
                double factor = args->a[i * k + p];
                for (int64_t j = left; j < right; j++) {
                    sums[j - left] += factor * args->b[p * n + j];
                }
            }
            for (int64_t j = left; j < right; j++) {
                args->c[i * n + j] = (float)sums[j - left];
            }
        }
    }
    return 0;
}
