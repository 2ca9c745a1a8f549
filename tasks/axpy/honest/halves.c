/* Halves of halves, until a piece is short: the order of the pieces does not matter. */
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
    double a;
} nf_args;

static void piece(const float *x, float *y, float a, int64_t low, int64_t high) {
    if (high - low > 1000) {
        int64_t middle = low + (high - low) / 2;
        piece(x, y, a, low, middle);
        piece(x, y, a, middle, high);
    } else {
        while (low < high) {
            float before = y[low];
            float step = a * x[low];
            y[low] = before + step;
            low++;
        }
    }
}

int nf_kernel(const nf_args *args) {
    float a = (float)args->a;
    piece(args->x, args->y, a, 0, args->n);
    return 0;
}
