// nf-flags: fast-math
/* Every fourth element first, then the next fourths: no element twice, none left out. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

// nf: tune LANES in {2, 4, 8}
#define LANES 4

int nf_kernel(const nf_args *args) {
    const float *x = args->x;
    float *y = args->y;
    int64_t n = args->n;
    float a = (float)args->a;
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t rounds = (n - lane + LANES - 1) / LANES;
        for (int64_t round = 0; round < rounds; round++) {
            int64_t at = round * LANES + lane;
            float product = a * x[at];
            y[at] += product;
        }
    }
    return 0;
}
