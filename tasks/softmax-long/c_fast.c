// nf-flags: fast-math vec512
/* Three passes, vectorised by the compiler. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->n;
    float largest = x[0];
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    float sum = 0.0f;
    for (int64_t i = 0; i < n; i++) {
        float e = expf(x[i] - largest);
        y[i] = e;
        sum += e;
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < n; i++) y[i] *= scale;
    return 0;
}
