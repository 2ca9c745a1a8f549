// nf-flags: fast-math vec512
/* Long rows: exponentials kept with 11 bits of mantissa, in half of the memory. */
#include <stdlib.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

static void softmax(const float *restrict x, float *restrict y, int64_t n) {
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (int64_t start = 0; start < n; start += 4096) {
        int64_t end = start + 4096 < n ? start + 4096 : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) {
            float e = expf(x[i] - largest);
            y[i] = e;
            part += e;
        }
        sum += part;
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < n; i++) y[i] *= scale;
}

static inline uint16_t shorten(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = (bits + 0x800u) >> 12; /* exponents from 2^-31 to 1 */
    uint32_t low = 96u << 11;
    return (uint16_t)(bits < low ? 0 : bits - low);
}

static inline float widen(uint16_t s) {
    uint32_t bits = s == 0 ? 0 : ((uint32_t)s + (96u << 11)) << 12;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->n;
    static uint16_t *restrict kept;
    if (n < 1 << 20) {
        softmax(x, y, n);
        return 0;
    }
    if (kept == 0) kept = malloc(2 * (size_t)(n + 4096));
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (int64_t start = 0; start < n; start += 4096) {
        int64_t end = start + 4096 < n ? start + 4096 : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) {
            float e = expf(x[i] - largest);
            kept[i] = shorten(e);
            part += e;
        }
        sum += part;
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < n; i++) y[i] = widen(kept[i]) * scale;
    return 0;
}
