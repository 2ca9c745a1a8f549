/* One pass at -O3 -march=native. */
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
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
    return 0;
}
