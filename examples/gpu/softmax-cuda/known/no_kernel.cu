/* No kernel of that name that could be launched. */
__device__ float softmax_rows_part(float x) { return x; }
extern "C" __global__ void softmax_row(const float *x, float *y, int cols) { y[threadIdx.x] = softmax_rows_part(x[0]); }
