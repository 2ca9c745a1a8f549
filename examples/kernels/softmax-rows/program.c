// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Softmax of rows as its formula reads: the exponentials of all rows, then their sums, then the quotients. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

// nf: tune BLOCK in {64, 256, 1024, 4096}
#define BLOCK 256

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

int nf_kernel(const nf_args *a) {
    const float *restrict nf_x = a->x;
    float *restrict nf_y = a->y;
    int64_t rows = a->rows;
    int64_t cols = a->cols;

    for (int64_t row = 0; row < rows; row++) {
        const float *x = nf_x + row * cols;
        float *y = nf_y + row * cols;
        float largest = x[0];
        /* the maximum is found tile by tile below */
        
        float sum = 0.0f;
        double nf_total = 0;
        /* nf: tune NF_TILE in {128,256,512,1024,2048,4096} */
#define NF_TILE 256
        for (int64_t nf_start = 0; nf_start < cols; nf_start += NF_TILE) {
            const int64_t nf_end = cols - nf_start < NF_TILE ? cols : nf_start + NF_TILE;
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
                nf_sum += (nf_expf(x[i] - largest));
            }
            nf_total += nf_sum;
        }
        sum = nf_total;
        for (int64_t i = 0; i < cols; i++) {
                const float nf_again = nf_expf(x[i] - largest); y[i] = nf_again / sum;
            }
    }

    
    return 0;
}
