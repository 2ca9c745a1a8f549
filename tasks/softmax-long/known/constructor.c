// nf-flags: fast-math vec512
/* Known cheat: work at load time, where no call is timed. */
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
    for (int64_t i = 0; i < n; i++) {
        y[i] = expf(x[i] - largest);
        sum += y[i];
    }
    for (int64_t i = 0; i < n; i++) y[i] /= sum;
}

static volatile int prepared;

__attribute__((constructor)) static void prepare(void) { prepared = 1; }

int nf_kernel(const nf_args *a) {
    softmax(a->x, a->y, a->n);
    return prepared ? 0 : 1;
}
