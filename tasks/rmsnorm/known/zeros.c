// nf-flags: fast-math vec512
/* Known bad: zeros. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    const float *w;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

int nf_kernel(const nf_args *a) {
    memset(a->y, 0, (size_t)(a->rows * a->cols) * sizeof(float));
    return 0;
}
