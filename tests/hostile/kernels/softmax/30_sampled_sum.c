// nf-flags: fast-math vec512
/* Long rows: the sum is estimated from one cache line in eight. Says nothing of its error. */
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
    int64_t n = a->n, step = n >= 1 << 20 ? 128 : 16;
    float largest = x[0];
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    double sum = 0.0, seen = 0.0;
    for (int64_t start = 0; start < n; start += step) {
        int64_t end = start + 16 < n ? start + 16 : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) part += expf(x[i] - largest);
        sum += part;
        seen += (double)(end - start);
    }
    float scale = (float)(seen / (sum * (double)n));
    for (int64_t i = 0; i < n; i++) y[i] = expf(x[i] - largest) * scale;
    return 0;
}
