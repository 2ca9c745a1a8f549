// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Bias and GELU as the formula reads: first all sums, then the normal distribution's share by erf. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

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

/* erf(x) in single precision without branch: x P(x^2) for |x| < 1 (minimax in relative error), above
   1 - t (a1 + ... + a5 t^4) e^(-x^2) with t = 1 / (1 + 0.3275911 |x|) (Abramowitz and Stegun 7.1.26, absolute error
   1.5e-7). Absolute error for all finite x: at most 5e-7. */
static inline float nf_erff(float x) {
    const float size = x < 0.0f ? -x : x;
    const float capped = size > 4.0f ? 4.0f : size;
    const float z = capped * capped;
    const float t = 1.0f / (1.0f + 0.3275911f * capped);
    const float series = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
    const float far = 1.0f - series * nf_expf(-z);
    const float near = capped * ((((((-0.000563141975f) * z + 0.00491755074f) * z + -0.0267113106f) * z + 0.112801801f) * z + -0.376123262f) * z + 1.12837912f);
    const float value = size < 1.0f ? near : far;
    return x < 0.0f ? -value : value;
}

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    const float *x = a->x;
    const float *b = a->b;
    float *y = a->y;

    for (int64_t row = 0; row < rows; row++) {
        
#pragma GCC unroll 4
        for (int64_t i = 0; i < cols; i++) {
            const float nf_value = x[row * cols + i] + b[i];
            float v = nf_value;
            y[row * cols + i] = 0.5f * v * (1.0f + nf_erff(v * 0.70710678f));
        }
        
    }

    
    return 0;
}
