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
