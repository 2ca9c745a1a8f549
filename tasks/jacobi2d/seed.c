// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Jacobi sweeps as the formula reads: every sweep copies the grid, then replaces the inner points, block by block. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    float *work;
    int64_t rows;
    int64_t cols;
    int64_t sweeps;
} nf_args;

// nf: tune ROWS in {8, 32, 128, 1024}
#define ROWS 32
// nf: tune COLS in {64, 256, 1024, 4096}
#define COLS 256

static void sweep(const float *from, float *to, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows * cols; i++) {
        to[i] = from[i];
    }
    for (int64_t top = 1; top < rows - 1; top += ROWS) {
        int64_t bottom = top + ROWS < rows - 1 ? top + ROWS : rows - 1;
        for (int64_t left = 1; left < cols - 1; left += COLS) {
            int64_t right = left + COLS < cols - 1 ? left + COLS : cols - 1;
            for (int64_t r = top; r < bottom; r++) {
                for (int64_t c = left; c < right; c++) {
                    to[r * cols + c] = 0.25f * (from[(r - 1) * cols + c] + from[(r + 1) * cols + c] +
                                                from[r * cols + c - 1] + from[r * cols + c + 1]);
                }
            }
        }
    }
}

int nf_kernel(const nf_args *a) {
    const float *from = a->x;
    for (int64_t s = 0; s < a->sweeps; s++) {
        float *to = (a->sweeps - s) % 2 ? a->y : a->work;
        sweep(from, to, a->rows, a->cols);
        from = to;
    }
    return 0;
}
