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
