/* Row by row: the largest, the exponentials with their sum, the quotients. Strict arithmetic. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

#define BLOCK 256

int nf_kernel(const nf_args *a) {
    int64_t rows = a->rows, cols = a->cols;
    for (int64_t row = 0; row < rows; row++) {
        const float *restrict x = a->x + row * cols;
        float *restrict y = a->y + row * cols;
        float largest = x[0], sum = 0.0f;
        for (int64_t i = 0; i < cols; i++) largest = x[i] > largest ? x[i] : largest;
        for (int64_t start = 0; start < cols; start += BLOCK) {
            int64_t end = start + BLOCK < cols ? start + BLOCK : cols;
            float part = 0.0f;
            for (int64_t i = start; i < end; i++) {
                y[i] = expf(x[i] - largest);
                part += y[i];
            }
            sum += part;
        }
        float scale = 1.0f / sum;
        for (int64_t i = 0; i < cols; i++) y[i] *= scale;
    }
    return 0;
}
