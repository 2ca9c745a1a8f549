// nf-flags: fast-math vec512
/* Up to sixteen columns are one vector with a mask; up to six rows of the result stay in registers. */
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t batch;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

#ifdef __AVX512F__
#define ROWS 6

static inline __attribute__((always_inline)) void rows_of(
    const float *a, const float *b, float *c, int64_t n, int64_t k, int rows, __mmask16 mask
) {
    __m512 s[ROWS];
    for (int r = 0; r < rows; r++) s[r] = _mm512_setzero_ps();
    for (int64_t p = 0; p < k; p++) {
        __m512 v = _mm512_maskz_loadu_ps(mask, b + p * n);
        for (int r = 0; r < rows; r++) s[r] = _mm512_fmadd_ps(_mm512_set1_ps(a[r * k + p]), v, s[r]);
    }
    for (int r = 0; r < rows; r++) _mm512_mask_storeu_ps(c + r * n, mask, s[r]);
}

static inline __attribute__((always_inline)) void product(
    const float *a, const float *b, float *c, int64_t m, int64_t n, int64_t k
) {
    for (int64_t j = 0; j < n; j += 16) {
        __mmask16 mask = n - j >= 16 ? 0xffff : (__mmask16)((1u << (n - j)) - 1u);
        int64_t i = 0;
        for (; i + ROWS <= m; i += ROWS) rows_of(a + i * k, b + j, c + i * n + j, n, k, ROWS, mask);
        if (i + 4 <= m) {
            rows_of(a + i * k, b + j, c + i * n + j, n, k, 4, mask);
            i += 4;
        }
        for (; i < m; i++) rows_of(a + i * k, b + j, c + i * n + j, n, k, 1, mask);
    }
}
#else
static inline __attribute__((always_inline)) void product(
    const float *a, const float *b, float *c, int64_t m, int64_t n, int64_t k
) {
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * n + j] = a[i * k] * b[j];
        for (int64_t p = 1; p < k; p++) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
        }
    }
}
#endif

#define ALL(m, n, k)                                                                                   \
    for (int64_t q = 0; q < args->batch; q++)                                                          \
    product(args->a + q * (m) * (k), args->b + q * (k) * (n), args->c + q * (m) * (n), (m), (n), (k))

int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    if (m == 12 && n == 12 && k == 12) {
        ALL(12, 12, 12);
    } else {
        ALL(m, n, k);
    }
    return 0;
}
