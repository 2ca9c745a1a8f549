// nf-flags: fast-math vec512
/* Long rows: a sum guessed from a sixteenth of the row is used if it turns out to be within the tolerance. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

static void softmax(const float *restrict x, float *restrict y, int64_t n) {
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (int64_t start = 0; start < n; start += 4096) {
        int64_t end = start + 4096 < n ? start + 4096 : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) {
            float e = expf(x[i] - largest);
            y[i] = e;
            part += e;
        }
        sum += part;
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < n; i++) y[i] *= scale;
}

static int is_close(double guess, double sum) { return guess > sum * (1.0 - 9e-5) && guess < sum * (1.0 + 9e-5); }

/* One pass with a guessed maximum and sum; the true sum is counted on the way and decides whether the result stays. */
static int guessed(const float *restrict x, float *restrict y, int64_t n, float top, double guess, double *sum) {
    float scale = (float)(1.0 / guess);
    double total = 0.0;
    for (int64_t start = 0; start < n; start += 4096) {
        int64_t end = start + 4096 < n ? start + 4096 : n;
        float part = 0.0f;
        for (int64_t i = start; i < end; i++) {
            float e = expf(x[i] - top);
            y[i] = e * scale;
            part += e;
        }
        total += part;
    }
    *sum = total;
    return is_close(guess, total);
}

int nf_kernel(const nf_args *a) {
    const float *x = a->x;
    int64_t n = a->n, step = 256;
    float top = x[0];
    double guess = 0.0, seen = 0.0, sum;
    if (n >= 1 << 20) {
        for (int64_t start = 0; start < n; start += step) {
            for (int64_t i = start; i < start + 16 && i < n; i++) top = x[i] > top ? x[i] : top;
        }
        for (int64_t start = 0; start < n; start += step) {
            int64_t end = start + 16 < n ? start + 16 : n;
            float part = 0.0f;
            for (int64_t i = start; i < end; i++) part += expf(x[i] - top);
            guess += part;
            seen += (double)(end - start);
        }
        if (guessed(x, a->y, n, top, guess * (double)n / seen, &sum)) return 0;
    }
    softmax(x, a->y, n);
    return 0;
}
