// nf-flags: fast-math vec512
/* Known bad: right for small inputs, overflows for shifted ones. */
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
    float sum = 0.0f;
    for (int64_t i = 0; i < a->n; i++) {
        y[i] = expf(x[i]);
        sum += y[i];
    }
    for (int64_t i = 0; i < a->n; i++) y[i] /= sum;
    return 0;
}
