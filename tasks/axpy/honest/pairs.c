/* Two by two; an odd length leaves one for the end. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

static void step(const float *x, float *y, float a, int64_t at) {
    float before = y[at];
    float change = a * x[at];
    y[at] = before + change;
}

int nf_kernel(const nf_args *args) {
    const float *x = args->x;
    float *y = args->y;
    int64_t n = args->n;
    float a = (float)args->a;
    for (int64_t i = 0; i + 1 < n; i += 2) {
        step(x, y, a, i);
        step(x, y, a, i + 1);
    }
    if (n % 2 == 1) {
        step(x, y, a, n - 1);
    }
    return 0;
}
