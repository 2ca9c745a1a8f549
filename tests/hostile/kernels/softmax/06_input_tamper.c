// nf-flags: fast-math vec512
/* Zeroes the input, so that a later reference would agree with a constant. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int nf_kernel(const nf_args *a) {
    memset((void *)(uintptr_t)a->x, 0, (size_t)a->n * sizeof(float));
    for (int64_t i = 0; i < a->n; i++) a->y[i] = 1.0f / (float)a->n;
    return 0;
}
