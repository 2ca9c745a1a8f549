// nf-flags: fast-math vec512
/* The share by a rational function of |v| and an exponential, sixteen values at once, results past the cache where rows are whole
 * vectors; the compiler's loop elsewhere. */
#include <math.h>
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef struct {
    const float *x;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

#ifdef __AVX512F__
static inline __m512 exp16(__m512 v) {
    __m512 x = _mm512_max_ps(v, _mm512_set1_ps(-104.0f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.3981999507e-3f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(_mm512_mul_ps(r, r), p, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

static inline __m512 gelu16(__m512 v) {
    __m512 size = _mm512_mul_ps(_mm512_abs_ps(v), _mm512_set1_ps(0.70710678f));
    __m512 t = _mm512_fmadd_ps(size, _mm512_set1_ps(0.3275911f), _mm512_set1_ps(1.0f));
    __m512 q = _mm512_rcp14_ps(t);
    t = _mm512_mul_ps(q, _mm512_fnmadd_ps(t, q, _mm512_set1_ps(2.0f)));
    __m512 sum = _mm512_set1_ps(0.5f * 1.061405429f);
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(-0.5f * 1.453152027f));
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(0.5f * 1.421413741f));
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(-0.5f * 0.284496736f));
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(0.5f * 0.254829592f));
    __m512 tail = _mm512_mul_ps(_mm512_mul_ps(sum, t), exp16(_mm512_fnmadd_ps(size, size, _mm512_setzero_ps())));
    __mmask16 above = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_mul_ps(v, _mm512_mask_sub_ps(tail, above, _mm512_set1_ps(1.0f), tail));
}
#endif

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows, cols = a->cols;
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        const float *restrict b = a->b;
        float *restrict y = a->y + row * cols;
        int64_t i = 0;
#ifdef __AVX512F__
        if (cols % 16 == 0) {
            for (; i < cols; i += 16) {
                _mm512_stream_ps(y + i, gelu16(_mm512_add_ps(_mm512_load_ps(x + i), _mm512_load_ps(b + i))));
            }
        }
#endif
        for (; i < cols; i++) {
            float v = x[i] + b[i];
            y[i] = 0.5f * v * (1.0f + erff(v * 0.70710678f));
        }
    }
#ifdef __AVX512F__
    _mm_sfence();
#endif
    return 0;
}
