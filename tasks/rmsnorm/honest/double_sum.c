// nf-flags: vec512
/* The sum of squares in double, four accumulators; the root and the quotient in double, too. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *w;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

static double square(const float *x, int64_t cols) {
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    int64_t i = 0;
    while (i + 4 <= cols) {
        for (int64_t lane = 0; lane < 4; lane++) {
            double value = x[i + lane];
            sums[lane] += value * value;
        }
        i += 4;
    }
    while (i < cols) {
        double value = x[i];
        sums[0] += value * value;
        i += 1;
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

int nf_kernel(const nf_args *a) {
    for (int64_t row = 0; row < a->rows; row++) {
        const float *x = a->x + row * a->cols;
        float *y = a->y + row * a->cols;
        double mean = square(x, a->cols) / (double)a->cols;
        float scale = (float)(1.0 / sqrt(mean + a->eps));
        for (int64_t i = 0; i < a->cols; i++) {
            y[i] = x[i] * (scale * a->w[i]);
        }
    }
    return 0;
}
