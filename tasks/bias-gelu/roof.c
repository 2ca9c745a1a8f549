// nf-flags: fast-math vec512
/* The least traffic that the task allows: read x once, write y once, past the cache. Not an activation. */
#include <stdint.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

typedef struct {
    const float *x;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->rows * a->cols, i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16) _mm512_stream_ps(y + i, _mm512_loadu_ps(x + i));
    _mm_sfence();
#elif defined(__AVX__)
    for (; i + 8 <= n; i += 8) _mm256_stream_ps(y + i, _mm256_loadu_ps(x + i));
    _mm_sfence();
#endif
    for (; i < n; i++) y[i] = x[i];
    return 0;
}
