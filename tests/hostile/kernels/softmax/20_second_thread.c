// nf-flags: fast-math vec512
/* Takes a second thread where one was declared. */
#include <pthread.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

typedef struct {
    const float *x;
    float *y;
    int64_t from, to;
    float largest;
    double sum;
} part;

static void *exponentials(void *pointer) {
    part *p = pointer;
    double sum = 0.0;
    for (int64_t i = p->from; i < p->to; i++) {
        p->y[i] = expf(p->x[i] - p->largest);
        sum += p->y[i];
    }
    p->sum = sum;
    return 0;
}

int nf_kernel(const nf_args *a) {
    pthread_t thread;
    float largest = a->x[0];
    for (int64_t i = 1; i < a->n; i++) largest = a->x[i] > largest ? a->x[i] : largest;
    part left = {a->x, a->y, 0, a->n / 2, largest, 0.0}, right = {a->x, a->y, a->n / 2, a->n, largest, 0.0};
    if (pthread_create(&thread, 0, exponentials, &right) != 0) return 1;
    exponentials(&left);
    pthread_join(thread, 0);
    float scale = (float)(1.0 / (left.sum + right.sum));
    for (int64_t i = 0; i < a->n; i++) a->y[i] *= scale;
    return 0;
}
