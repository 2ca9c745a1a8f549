// nf-flags: fast-math vec512
/* Takes more memory than it may right before it replies, and is stopped holding it. */
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

int nf_kernel(const nf_args *a) {
    static char *held;
    softmax(a->x, a->y, a->n);
    if (held == 0) {
        held = malloc(300u << 20);
        if (held == 0) return 1;
        memset(held, 1, 300u << 20);
    }
    return 0;
}
