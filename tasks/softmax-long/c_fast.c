// nf-flags: fast-math vec512
/* Three passes, vectorised by the compiler, all from element 0 on, so that every load is aligned; the sum by blocks,
 * or 16 million float terms drift by a percent. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

#define BLOCK 4096

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->n;
    float largest = x[0];
    for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    float sum = 0.0f;
    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = start + BLOCK < n ? start + BLOCK : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) {
            float e = expf(x[i] - largest);
            y[i] = e;
            part += e;
        }
        sum += part;
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < n; i++) y[i] *= scale;
    return 0;
}
