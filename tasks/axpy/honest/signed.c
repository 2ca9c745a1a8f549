/* By the sign of a: what is added or subtracted is a positive share of x. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

int nf_kernel(const nf_args *args) {
    const float *x = args->x;
    float *y = args->y;
    int64_t n = args->n;
    float share = (float)fabs(args->a);
    if (args->a < 0.0) {
        for (int64_t i = 0; i < n; i++) {
            float part = share * x[i];
            y[i] = y[i] - part;
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            float part = x[i] * share;
            y[i] = part + y[i];
        }
    }
    return 0;
}
