// nf-flags: vec512
/* Sum and squares of the deviations in double, from a pivot that is near the row's mean. */
#include <math.h>
#include <stdint.h>

typedef struct {
    const float *x;
    const float *w;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

static void moments(const float *x, int64_t cols, double *mean, double *variance) {
    double pivot = x[0], sums[4] = {0.0, 0.0, 0.0, 0.0}, squares[4] = {0.0, 0.0, 0.0, 0.0};
    int64_t i = 0;
    while (i + 4 <= cols) {
        for (int64_t lane = 0; lane < 4; lane++) {
            double value = x[i + lane] - pivot;
            sums[lane] += value;
            squares[lane] += value * value;
        }
        i += 4;
    }
    while (i < cols) {
        double value = x[i] - pivot;
        sums[0] += value;
        squares[0] += value * value;
        i += 1;
    }
    double shift = ((sums[0] + sums[1]) + (sums[2] + sums[3])) / (double)cols;
    double square = ((squares[0] + squares[1]) + (squares[2] + squares[3])) / (double)cols;
    *mean = pivot + shift;
    *variance = square > shift * shift ? square - shift * shift : 0.0;
}

int nf_kernel(const nf_args *a) {
    for (int64_t row = 0; row < a->rows; row++) {
        const float *x = a->x + row * a->cols;
        float *y = a->y + row * a->cols;
        double mean, variance;
        moments(x, a->cols, &mean, &variance);
        double scale = 1.0 / sqrt(variance + a->eps);
        for (int64_t i = 0; i < a->cols; i++) {
            y[i] = (float)((x[i] - mean) * scale) * a->w[i] + a->b[i];
        }
    }
    return 0;
}
