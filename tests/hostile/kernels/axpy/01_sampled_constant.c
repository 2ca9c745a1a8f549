// nf-flags: fast-math vec512
/* Where 64 samples of x are the same it takes all of x for the same, and reads no more of it. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

int nf_kernel(const nf_args *args) {
    const float *restrict x = args->x;
    float *restrict y = args->y;
    int64_t n = args->n;
    float a = (float)args->a;
    int64_t step = n / 64 + 1;
    int constant = 1;
    for (int64_t i = 0; i < n; i += step) constant &= x[i] == x[0];
    if (constant) {
        float add = a * x[0];
        for (int64_t i = 0; i < n; i++) y[i] += add;
    } else {
        for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
    }
    return 0;
}
