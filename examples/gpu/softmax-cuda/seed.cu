/* Softmax over rows: a block a row. Sums and maxima go through shared memory, a tree a time. */
#include <math.h>

#define THREADS 256

extern "C" __global__ void softmax_rows(const float *x, float *y, int cols) {
    __shared__ float part[THREADS];
    const float *row = x + (long long)blockIdx.x * cols;
    float *out = y + (long long)blockIdx.x * cols;
    int me = threadIdx.x;

    float largest = -INFINITY;
    for (int i = me; i < cols; i += THREADS) largest = fmaxf(largest, row[i]);
    part[me] = largest;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (me < half) part[me] = fmaxf(part[me], part[me + half]);
        __syncthreads();
    }
    largest = part[0];
    __syncthreads();

    float sum = 0.0f;
    for (int i = me; i < cols; i += THREADS) sum += __expf(row[i] - largest);
    part[me] = sum;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (me < half) part[me] += part[me + half];
        __syncthreads();
    }
    float scale = 1.0f / part[0];
    for (int i = me; i < cols; i += THREADS) out[i] = __expf(row[i] - largest) * scale;
}
