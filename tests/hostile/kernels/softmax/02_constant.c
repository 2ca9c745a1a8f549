// nf-flags: fast-math vec512
/* 1/n everywhere: the mean of the answer. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int nf_kernel(const nf_args *a) {
    for (int64_t i = 0; i < a->n; i++) a->y[i] = 1.0f / (float)a->n;
    return 0;
}
