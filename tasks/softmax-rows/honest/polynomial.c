// nf-flags: fast-math vec512
/* exp by a polynomial of the sixth degree around the nearest power of two, sixteen values at once; the row's
 * exponentials stay in the first cache and the quotients go past it, where rows are whole vectors. */
#include <math.h>
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

#define MOST 8192

#ifdef __AVX512F__
static inline __m512 exp16(__m512 v) {
    const __m512 least = _mm512_set1_ps(-104.0f);
    __m512 x = _mm512_max_ps(v, least);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(_mm512_mul_ps(r, r), p, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

static void wide_row(const float *x, float *y, int64_t cols) {
    _Alignas(64) float kept[MOST];
    __m512 m0 = _mm512_load_ps(x), m1 = m0, s0 = _mm512_setzero_ps(), s1 = s0;
    for (int64_t i = 0; i < cols; i += 32) {
        m0 = _mm512_max_ps(m0, _mm512_load_ps(x + i));
        m1 = _mm512_max_ps(m1, _mm512_load_ps(x + i + 16));
    }
    __m512 largest = _mm512_set1_ps(_mm512_reduce_max_ps(_mm512_max_ps(m0, m1)));
    for (int64_t i = 0; i < cols; i += 32) {
        __m512 e0 = exp16(_mm512_sub_ps(_mm512_load_ps(x + i), largest));
        __m512 e1 = exp16(_mm512_sub_ps(_mm512_load_ps(x + i + 16), largest));
        _mm512_store_ps(kept + i, e0);
        _mm512_store_ps(kept + i + 16, e1);
        s0 = _mm512_add_ps(s0, e0);
        s1 = _mm512_add_ps(s1, e1);
    }
    __m512 scale = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(_mm512_add_ps(s0, s1)));
    for (int64_t i = 0; i < cols; i += 16) {
        _mm512_stream_ps(y + i, _mm512_mul_ps(_mm512_load_ps(kept + i), scale));
    }
}
#endif

static void plain_row(const float *x, float *y, int64_t cols) {
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 0; i < cols; i++) largest = x[i] > largest ? x[i] : largest;
    for (int64_t i = 0; i < cols; i++) {
        y[i] = expf(x[i] - largest);
        sum += y[i];
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < cols; i++) y[i] *= scale;
}

int nf_kernel(const nf_args *a) {
    int64_t cols = a->cols;
#ifdef __AVX512F__
    if (cols % 32 == 0 && cols <= MOST) {
        for (int64_t row = 0; row < a->rows; row++) wide_row(a->x + row * cols, a->y + row * cols, cols);
        _mm_sfence();
        return 0;
    }
#endif
    for (int64_t row = 0; row < a->rows; row++) plain_row(a->x + row * cols, a->y + row * cols, cols);
    return 0;
}
