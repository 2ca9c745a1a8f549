// nf-flags: fast-math vec512
/* As many products with sum as the task has, from registers: the rate that the processor has. Not a product of matrices. */
#include <stdint.h>

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

#define LANES 16
#define CHAINS 24

typedef float lanes __attribute__((vector_size(4 * LANES)));

int nf_kernel(const nf_args *args) {
    lanes sums[CHAINS], factor, other;
    for (int i = 0; i < LANES; i++) factor[i] = args->a[0], other[i] = args->b[0];
    for (int i = 0; i < CHAINS; i++) sums[i] = factor;
    int64_t turns = args->m * args->n * args->k / (LANES * CHAINS);
    for (int64_t t = 0; t < turns; t++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++) sums[i] += factor * other;
        __asm__ volatile("" : "+v"(factor), "+v"(other));
    }
    lanes total = sums[0];
    for (int i = 1; i < CHAINS; i++) total += sums[i];
    for (int64_t i = 0; i < args->m * args->n; i++) args->c[i] = total[i % LANES];
    return 0;
}
