// nf-flags: fast-math vec512
/* A table of 4,096 steps without anything between them. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows, cols = a->cols;
    const float *restrict b = a->b;
    static float table[4097];
    if (table[4096] == 0.0f) {
        for (int64_t i = 0; i <= 4096; i++) table[i] = 0.5f * (1.0f + erff(((float)i / 4096.0f * 12.0f - 6.0f) * 0.70710678f));
    }
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        float *restrict y = a->y + row * cols;
        for (int64_t i = 0; i < cols; i++) {
            float v = x[i] + b[i];
            float place = (v + 6.0f) * (4096.0f / 12.0f);
            place = place < 0.0f ? 0.0f : place > 4096.0f ? 4096.0f : place;
            y[i] = v * table[(int64_t)place];
        }
    }
    return 0;
}
