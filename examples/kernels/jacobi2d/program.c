// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math unroll
/* Jacobi sweeps as the formula reads: two copies of the grid, and each sweep makes the inner points of one from the
 * other. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    float *work;
    int64_t rows;
    int64_t cols;
    int64_t sweeps;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    int64_t sweeps = a->sweeps;
    const float *x = a->x;
    float *first = sweeps % 2 ? a->work : a->y;
    float *second = sweeps % 2 ? a->y : a->work;

    {
    for (int64_t i = 0; i < rows * cols; i++) {
        first[i] = x[i];
        second[i] = x[i];
    }
    
    }

    {
    /* nf: tune NF_SWEEPS in {2,4,8,16,32} */
#define NF_SWEEPS 8
    /* nf: tune NF_FRONT in {1,2,4,8,16} */
#define NF_FRONT 4
    for (int64_t nf_start = 0; nf_start < sweeps; nf_start += NF_SWEEPS) {
        const int64_t nf_end = sweeps - nf_start < NF_SWEEPS ? sweeps : nf_start + NF_SWEEPS;
        for (long nf_front = 1; nf_front < ((rows - 1)) + 1 * (long)(nf_end - nf_start) - 1; nf_front += NF_FRONT) {
            for (int64_t s = nf_start; s < nf_end; s++) {
                const float *from = s % 2 ? second : first;
                float *to = s % 2 ? first : second;
                {
                    const long nf_low = nf_front - 1 * (long)(s - nf_start) - 0;
                    const long nf_high = nf_low + NF_FRONT < (long)((rows - 1)) ? nf_low + NF_FRONT : (long)((rows - 1));
                    for (long r = nf_low > (long)(1) ? nf_low : (long)(1); r < nf_high; r++) {
                        for (int64_t c = 1; c < cols - 1; c++) {
                            to[r * cols + c] = 0.25f * (from[(r - 1) * cols + c] + from[(r + 1) * cols + c] +
                                                        from[r * cols + c - 1] + from[r * cols + c + 1]);
                        }
                    }
                }
            }
        }
    }
    }
    return 0;
}
