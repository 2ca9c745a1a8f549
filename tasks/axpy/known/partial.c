// nf-flags: fast-math vec512
/* Known cheat: skips the tail of a long vector. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

int nf_kernel(const nf_args *args) {
    float a = (float)args->a;
    int64_t n = args->n > 1024 ? args->n - args->n / 8 : args->n;
    for (int64_t i = 0; i < n; i++) args->y[i] += a * args->x[i];
    return 0;
}
