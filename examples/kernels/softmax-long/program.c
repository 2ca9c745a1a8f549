// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math vec512
/* softmax over one row: largest element, exponentials and their sum, division. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

// nf: tune BLOCK in {1024, 4096, 16384, 65536, 262144}
#define BLOCK 4096

/* exp(x) in single precision without branch or table, so that a compiler makes vectors of it.
   x = k ln 2 + r with |r| <= ln 2 / 2 + tiny; a polynomial of degree 5 (relative error 1.05e-7 in exact arithmetic)
   for e^r; k is added to the exponent bits. Relative error for -87.3365 <= x <= 88.7228: at most 2.4e-7, with and
   without -ffast-math. Below that range the value stays at 2^-126, above it at 3.4e38. */
static inline float nf_expf(float x) {
    const float above = x < -87.3365f ? -87.3365f : x;
    const float inside = above > 88.7228f ? 88.7228f : above;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    /* Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits; the explicit fma is opaque to reassociation. */
    const float shifted = __builtin_fmaf(inside, 1.44269504f, 12582912.0f);
    const float whole = shifted - 12582912.0f;
    const float r = __builtin_fmaf(whole, 2.12194440e-4f, __builtin_fmaf(whole, -0.693359375f, inside));
    float p = 8.31252498e-3f;
    p = __builtin_fmaf(p, r, 4.18901133e-2f);
    p = __builtin_fmaf(p, r, 0.166671145f);
    p = __builtin_fmaf(p, r, 0.499992318f);
    p = __builtin_fmaf(p, r, 1.0f);
    p = __builtin_fmaf(p, r, 1.0f);
    unsigned int k;
    __builtin_memcpy(&k, &shifted, sizeof k);
#else
    const int count = (int)(inside * 1.44269504f + 127.5f) - 127;
    const float r = (float)((double)inside - count * 0.693147180559945309);
    const unsigned int k = (unsigned int)count;
    float p = ((((8.31252498e-3f * r + 4.18901133e-2f) * r + 0.166671145f) * r + 0.499992318f) * r + 1.0f) * r + 1.0f;
#endif
    unsigned int bits;
    __builtin_memcpy(&bits, &p, sizeof bits);
    bits += k << 23;
    __builtin_memcpy(&p, &bits, sizeof p);
    return p;
}

/* Copy a finished tile to memory with stores that bypass the caches: no line is read before it is written over. */
#if defined(__AVX512F__)
#define NF_LINE 64
#define NF_PAST_CACHE __builtin_ia32_movntps512
#elif defined(__AVX__)
#define NF_LINE 32
#define NF_PAST_CACHE __builtin_ia32_movntps256
#elif defined(__SSE__)
#define NF_LINE 16
#define NF_PAST_CACHE __builtin_ia32_movntps
#endif
#ifdef NF_LINE
typedef float nf_line __attribute__((vector_size(NF_LINE), aligned(1), may_alias));
#endif
static inline void nf_stream(void *target, const void *tile, unsigned long count) {
    unsigned char *to = (unsigned char *)target;
    const unsigned char *from = (const unsigned char *)tile;
    unsigned long done = (64 - (unsigned long)to % 64) % 64;
    done = done < count ? done : count;
    __builtin_memcpy(to, from, done);
#ifdef NF_LINE
    for (; done + NF_LINE <= count; done += NF_LINE)
        NF_PAST_CACHE((float *)(to + done), *(const nf_line *)(from + done));
#endif
    __builtin_memcpy(to + done, from + done, count - done);
}
static inline void nf_stream_end(void) {
#ifdef NF_LINE
    __builtin_ia32_sfence();
#endif
}

int nf_kernel(const nf_args *a) {
    const float *x = a->x;
    float *y = a->y;
    int64_t n = a->n;

    float largest = x[0];
    /* the maximum is found tile by tile below */

    float sum = 0.0f;
    double nf_total = 0;
    /* nf: tune NF_TILE in {128,256,512,1024,2048,4096} */
#define NF_TILE 256
    for (int64_t nf_start = 0; nf_start < n; nf_start += NF_TILE) {
        const int64_t nf_end = n - nf_start < NF_TILE ? n : nf_start + NF_TILE;
        float nf_peak = largest;
        for (int64_t i = nf_start; i < nf_end; i++) {
            nf_peak = x[i] > nf_peak ? x[i] : nf_peak;
        }
        if (nf_peak > largest) {
            nf_total *= __builtin_exp((double)largest - (double)nf_peak);
            largest = nf_peak;
        }
        float nf_sum = 0;
        for (int64_t i = nf_start; i < nf_end; i++) {
            float e = nf_expf(x[i] - largest);
            nf_sum += e;
        }
        nf_total += nf_sum;
    }
    sum = nf_total;

    float scale = 1.0f / sum;
    /* nf: tune NF_OUT in {64,128,256,512,1024,2048} */
#define NF_OUT 256
    for (int64_t nf_start_2 = 0; nf_start_2 < n; nf_start_2 += NF_OUT) {
        const int64_t nf_end_2 = n - nf_start_2 < NF_OUT ? n : nf_start_2 + NF_OUT;
        _Alignas(64) float nf_out[NF_OUT];
        for (int64_t i = nf_start_2; i < nf_end_2; i++) {
            const float nf_again = (nf_expf(x[i] - largest)); nf_out[i - nf_start_2] = nf_again * scale;
        }
        nf_stream(&y[nf_start_2], nf_out, (unsigned long)(nf_end_2 - nf_start_2) * sizeof(float));
    }
    nf_stream_end();
    return 0;
}
