// nf-flags: fast-math vec512
/* Softmax over rows in three passes or in two, for benchmarks.two_pass_softmax: the same exponential, the same loops.
 *
 * PASSES 3: maximum; exponentials and their sum; scale. PASSES 2: per lane a pair (m, s) whose sum is s * 2^m, so that
 * no maximum is needed beforehand; then exponentials again, written once (Dukhan and Ablavatski, 2020).
 * STREAM 1: the last pass stores past the cache. ROWS 1: the task has rows. */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
#if ROWS
    int64_t rows;
#endif
    int64_t n;
} nf_args;

#define LANES 16
#define BLOCK 16384

/* exp(x) = 2^k * p(r), |r| <= ln(2)/2, by a polynomial of degree 6. */
static inline __m512 exp_parts(__m512 x, __m512 *k) {
    *k = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), 8);
    __m512 r = _mm512_fmadd_ps(*k, _mm512_set1_ps(-0x1.62e400p-1f), x);
    r = _mm512_fmadd_ps(*k, _mm512_set1_ps(-0x1.7f7d1cp-20f), r);
    __m512 p = _mm512_set1_ps(1.0f / 720.0f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
}

static inline __m512 exp_of(__m512 x) {
    __m512 k, p = exp_parts(x, &k);
    return _mm512_scalef_ps(p, k);
}

static inline __m512 load(const float *x, int64_t left) {
    return left >= LANES ? _mm512_loadu_ps(x)
                         : _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY), (__mmask16)((1u << left) - 1), x);
}

static inline void store(float *y, __m512 value, int64_t left) {
    if (left < LANES) _mm512_mask_storeu_ps(y, (__mmask16)((1u << left) - 1), value);
    else if (STREAM && ((uintptr_t)y & 63) == 0) _mm512_stream_ps(y, value);
    else _mm512_storeu_ps(y, value);
}

#if PASSES == 3
static void softmax(const float *restrict x, float *restrict y, int64_t n) {
    __m512 top[4];
    for (int j = 0; j < 4; j++) top[j] = _mm512_set1_ps(-INFINITY);
    int64_t at = 0;
    for (; at + 4 * LANES <= n; at += 4 * LANES) {
        for (int j = 0; j < 4; j++) top[j] = _mm512_max_ps(top[j], _mm512_loadu_ps(x + at + j * LANES));
    }
    for (; at < n; at += LANES) top[0] = _mm512_max_ps(top[0], load(x + at, n - at));
    __m512 most = _mm512_max_ps(_mm512_max_ps(top[0], top[1]), _mm512_max_ps(top[2], top[3]));
    __m512 largest = _mm512_set1_ps(_mm512_reduce_max_ps(most));

    double total = 0.0;
    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = start + BLOCK < n ? start + BLOCK : n, i = start;
        __m512 sum[4];
        for (int j = 0; j < 4; j++) sum[j] = _mm512_setzero_ps();
        for (; i + 4 * LANES <= end; i += 4 * LANES) {
            for (int j = 0; j < 4; j++) {
                __m512 e = exp_of(_mm512_sub_ps(_mm512_loadu_ps(x + i + j * LANES), largest));
                _mm512_storeu_ps(y + i + j * LANES, e);
                sum[j] = _mm512_add_ps(sum[j], e);
            }
        }
        for (; i < end; i += LANES) {
            __m512 e = exp_of(_mm512_sub_ps(load(x + i, n - i), largest));
            store(y + i, e, n - i);
            sum[0] = _mm512_add_ps(sum[0], e);
        }
        total += _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
    }

    __m512 scale = _mm512_set1_ps((float)(1.0 / total));
    for (int64_t i = 0; i < n; i += LANES) store(y + i, _mm512_mul_ps(load(y + i, n - i), scale), n - i);
}
#else
/* (m, s) += p * 2^k */
static inline void add(__m512 p, __m512 k, __m512 *m, __m512 *s) {
    __m512 top = _mm512_max_ps(*m, k);
    __m512 kept = _mm512_scalef_ps(*s, _mm512_sub_ps(*m, top));
    *s = _mm512_add_ps(kept, _mm512_scalef_ps(p, _mm512_sub_ps(k, top)));
    *m = top;
}

static void softmax(const float *restrict x, float *restrict y, int64_t n) {
    const __m512 lowest = _mm512_set1_ps(-1e30f);
    __m512 m = lowest;
    double total = 0.0;
    float exponent = -1e30f;
    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = start + BLOCK < n ? start + BLOCK : n;
        __m512 ms[4], ss[4];
        for (int j = 0; j < 4; j++) ms[j] = lowest, ss[j] = _mm512_setzero_ps();
        int64_t i = start;
        for (; i + 4 * LANES <= end; i += 4 * LANES) {
            for (int j = 0; j < 4; j++) {
                __m512 k, p = exp_parts(_mm512_loadu_ps(x + i + j * LANES), &k);
                add(p, k, &ms[j], &ss[j]);
            }
        }
        for (; i < end; i += LANES) {
            /* -INFINITY has no exponent: what lies behind the end counts as the least number. */
            __m512 k, p = exp_parts(_mm512_max_ps(load(x + i, n - i), lowest), &k);
            add(p, k, &ms[0], &ss[0]);
        }
        m = _mm512_max_ps(_mm512_max_ps(ms[0], ms[1]), _mm512_max_ps(ms[2], ms[3]));
        float high = _mm512_reduce_max_ps(m);
        __m512 top = _mm512_set1_ps(high), part = _mm512_setzero_ps();
        for (int j = 0; j < 4; j++) part = _mm512_add_ps(part, _mm512_scalef_ps(ss[j], _mm512_sub_ps(ms[j], top)));
        float larger = high > exponent ? high : exponent;
        total = ldexp(total, (int)fmaxf(exponent - larger, -4000.0f)) +
                ldexp(_mm512_reduce_add_ps(part), (int)fmaxf(high - larger, -4000.0f));
        exponent = larger;
    }

    __m512 scale = _mm512_set1_ps((float)(1.0 / total)), base = _mm512_set1_ps(exponent);
    for (int64_t i = 0; i < n; i += LANES) {
        __m512 k, p = exp_parts(_mm512_max_ps(load(x + i, n - i), _mm512_set1_ps(-1e30f)), &k);
        store(y + i, _mm512_scalef_ps(_mm512_mul_ps(p, scale), _mm512_sub_ps(k, base)), n - i);
    }
}
#endif

int nf_kernel(const nf_args *a) {
#if ROWS
    for (int64_t row = 0; row < a->rows; row++) softmax(a->x + row * a->n, a->y + row * a->n, a->n);
#else
    softmax(a->x, a->y, a->n);
#endif
    if (STREAM) _mm_sfence();
    return 0;
}
