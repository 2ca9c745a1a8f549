// nf-flags: fast-math vec512
/* From the end to the start, in double, one rounding at the store. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

static double scaled(double factor, double value) { return factor * value; }

static float added(double product, double summand) {
    double sum = product + summand;
    return (float)sum;
}

int nf_kernel(const nf_args *args) {
    const float *x = args->x;
    float *y = args->y;
    for (int64_t left = args->n; left > 0; left--) {
        int64_t at = left - 1;
        double product = scaled(args->a, x[at]);
        double summand = y[at];
        y[at] = added(product, summand);
    }
    return 0;
}
