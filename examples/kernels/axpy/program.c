// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math vec256 unroll
/* y = a x + y, by blocks. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

// nf: tune BLOCK in {1024, 4096, 16384, 65536}
#define BLOCK 1024

int nf_kernel(const nf_args *args) {
    const float *x = args->x;
    float *y = args->y;
    int64_t n = args->n;
    float a = (float)args->a;
    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = start + BLOCK < n ? start + BLOCK : n;
        for (int64_t i = start; i < end; i++) {
            y[i] = y[i] + a * x[i];
        }
    }
    return 0;
}
