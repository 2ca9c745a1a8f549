// nf-flags: fast-math vec512
/* Long rows: exp by a polynomial of degree 3, off by a ten-thousandth, where sums may be off by as much. */
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

static inline float coarse(float v) {
    float k = rintf(v * 1.44269504f), r = v - k * 0.693147181f;
    float p = 1.0f + r * (1.0f + r * (0.5f + r * (1.0f / 6.0f)));
    int32_t bits = (int32_t)(k < -126.0f ? 0.0f : k + 127.0f) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->n;
    if (n < 1 << 20) {
        softmax(x, y, n);
        return 0;
    }
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (int64_t start = 0; start < n; start += 4096) {
        int64_t end = start + 4096 < n ? start + 4096 : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) part += coarse(x[i] - largest);
        sum += part;
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < n; i++) y[i] = coarse(x[i] - largest) * scale;
    return 0;
}
