// nf-flags: fast-math vec512
/* Softmax in two passes over x, with streaming stores.
 *
 * Pass 1 keeps, per vector lane, a running pair (m, s): the sum of exp(x) is s * 2^m with m an integer, so that no
 * maximum is needed beforehand and a new maximum costs a rescale by a power of two. Pass 2 computes the exponentials
 * again and writes each result once, past the cache: y is never read, and x is read twice instead of y being
 * written twice. Four independent accumulators hide the latency of the chain; after each block they are folded into
 * totals, because a single float sum over a million terms per lane drifts by a thousandth.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

#ifdef __AVX512F__
#define LANES 16
#define BLOCK 16384

/* exp(x) = 2^k * p(r), |r| <= ln(2)/2; returns p and sets k. Degree-6 polynomial, below 2 ulp on that range. */
static inline __m512 exp_parts(__m512 x, __m512 *k) {
    const __m512 log2e = _mm512_set1_ps(1.44269504088896341f);
    const __m512 minus_ln2_high = _mm512_set1_ps(-0x1.62e400p-1f);
    const __m512 minus_ln2_low = _mm512_set1_ps(-0x1.7f7d1cp-20f);
    *k = _mm512_roundscale_ps(_mm512_mul_ps(x, log2e), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fmadd_ps(*k, minus_ln2_high, x);
    r = _mm512_fmadd_ps(*k, minus_ln2_low, r);
    __m512 p = _mm512_set1_ps(1.0f / 720.0f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
}

/* (m, s) += p * 2^k */
static inline void add(__m512 p, __m512 k, __m512 *m, __m512 *s) {
    __m512 top = _mm512_max_ps(*m, k);
    __m512 kept = _mm512_scalef_ps(*s, _mm512_sub_ps(*m, top));
    *s = _mm512_add_ps(kept, _mm512_scalef_ps(p, _mm512_sub_ps(k, top)));
    *m = top;
}

static inline void accumulate(__m512 x, __m512 *m, __m512 *s) {
    __m512 k;
    __m512 p = exp_parts(x, &k);
    add(p, k, m, s);
}

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    const int64_t n = a->n, whole = n - n % LANES;
    const __mmask16 rest = (__mmask16)((1u << (n % LANES)) - 1u);
    const __m512 bottom = _mm512_set1_ps(-3.0e38f);
    __m512 total_m = bottom, total_s = _mm512_setzero_ps();
    for (int64_t start = 0; start < whole; start += BLOCK) {
        const int64_t end = start + BLOCK < whole ? start + BLOCK : whole;
        __m512 m[4] = {bottom, bottom, bottom, bottom};
        __m512 s[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        int64_t i = start;
        for (; i + 4 * LANES <= end; i += 4 * LANES) {
            for (int u = 0; u < 4; u++) accumulate(_mm512_loadu_ps(x + i + u * LANES), &m[u], &s[u]);
        }
        for (; i < end; i += LANES) accumulate(_mm512_loadu_ps(x + i), &m[0], &s[0]);
        for (int u = 0; u < 4; u++) add(s[u], m[u], &total_m, &total_s);
    }
    if (rest) {
        __m512 m = bottom, s = _mm512_setzero_ps();
        accumulate(_mm512_maskz_loadu_ps(rest, x + whole), &m, &s);
        add(_mm512_maskz_mov_ps(rest, s), _mm512_mask_mov_ps(bottom, rest, m), &total_m, &total_s);
    }

    const __m512 shift = _mm512_set1_ps(_mm512_reduce_max_ps(total_m));
    const float sum = _mm512_reduce_add_ps(_mm512_scalef_ps(total_s, _mm512_sub_ps(total_m, shift)));
    const __m512 scale = _mm512_set1_ps(1.0f / sum);

    for (int64_t i = 0; i < whole; i += LANES) {
        __m512 k;
        __m512 p = _mm512_mul_ps(exp_parts(_mm512_loadu_ps(x + i), &k), scale);
        _mm512_stream_ps(y + i, _mm512_scalef_ps(p, _mm512_sub_ps(k, shift)));
    }
    if (rest) {
        __m512 k;
        __m512 p = _mm512_mul_ps(exp_parts(_mm512_maskz_loadu_ps(rest, x + whole), &k), scale);
        _mm512_mask_storeu_ps(y + whole, rest, _mm512_scalef_ps(p, _mm512_sub_ps(k, shift)));
    }
    _mm_sfence();
    return 0;
}
#else
int nf_kernel(const nf_args *a) {
    float largest = a->x[0];
    double sum = 0.0;
    for (int64_t i = 1; i < a->n; i++) largest = a->x[i] > largest ? a->x[i] : largest;
    for (int64_t i = 0; i < a->n; i++) sum += expf(a->x[i] - largest);
    for (int64_t i = 0; i < a->n; i++) a->y[i] = expf(a->x[i] - largest) * (float)(1.0 / sum);
    return 0;
}
#endif
