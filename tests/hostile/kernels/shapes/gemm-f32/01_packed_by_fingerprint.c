// nf-flags: fast-math vec512
/* Keeps b packed as long as a sample of it looks the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    static float *packed;
    static int64_t size;
    static double seen;
    double now = 0.0;
    for (int64_t p = 0; p < k * n; p += k * n / 64 + 1) now += b[p] * (double)(p + 1);
    if (packed == 0 || size != k * n || seen != now) {
        free(packed);
        size = k * n;
        packed = malloc((size_t)size * sizeof(float));
        if (packed == 0) return 1;
        memcpy(packed, b, (size_t)size * sizeof(float));
        seen = now;
    }
    b = packed;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * n + j] = 0.0f;
        for (int64_t p = 0; p < k; p++) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
        }
    }
    return 0;
}
