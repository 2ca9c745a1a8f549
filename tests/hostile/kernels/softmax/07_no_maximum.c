// nf-flags: fast-math vec512
/* Leaves the maximum out: right until exp overflows. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int nf_kernel(const nf_args *a) {
    float sum = 0.0f;
    for (int64_t i = 0; i < a->n; i++) {
        a->y[i] = expf(a->x[i]);
        sum += a->y[i];
    }
    for (int64_t i = 0; i < a->n; i++) a->y[i] /= sum;
    return 0;
}
