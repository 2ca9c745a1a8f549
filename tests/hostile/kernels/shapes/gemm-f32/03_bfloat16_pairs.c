// nf-flags: fast-math vec512
/* The processor's own products of bfloat16 pairs, with sums in float32. */
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

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
#ifdef __AVX512BF16__
    if (n % 16 == 0 && k % 2 == 0 && n > 16) {
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j += 16) {
                __m512 sum = _mm512_setzero_ps();
                for (int64_t p = 0; p < k; p += 2) {
                    __m512 low = _mm512_loadu_ps(b + p * n + j), high = _mm512_loadu_ps(b + (p + 1) * n + j);
                    __m512i both = _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(low), 16),
                                                   _mm512_and_si512(_mm512_castps_si512(high), _mm512_set1_epi32(-65536)));
                    union { float f; uint32_t u; } one = {a[i * k + p]}, other = {a[i * k + p + 1]};
                    __m512i factors = _mm512_set1_epi32((int)((one.u >> 16) | (other.u & 0xffff0000u)));
                    sum = _mm512_dpbf16_ps(sum, (__m512bh)factors, (__m512bh)both);
                }
                _mm512_storeu_ps(c + i * n + j, sum);
            }
        }
        return 0;
    }
#else
#error "no bfloat16 products"
#endif
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * n + j] = 0.0f;
        for (int64_t p = 0; p < k; p++) {
            for (int64_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
        }
    }
    return 0;
}
