// nf-flags: fast-math vec512
/* The least traffic that the task allows: all factors read once, all results written once, past the cache. Not a product. */
#include <stdint.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t batch;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

int nf_kernel(const nf_args *args) {
    const float *restrict a = args->a;
    const float *restrict b = args->b;
    float *restrict c = args->c;
    int64_t na = args->batch * args->m * args->k, nb = args->batch * args->k * args->n, nc = args->batch * args->m * args->n;
    int64_t most = na > nb ? na : nb, i = 0;
    float rest = 0.0f;
    most = most > nc ? most : nc;
#if defined(__AVX512F__)
    __m512 sum = _mm512_setzero_ps();
    for (; i + 16 <= most; i += 16) {
        if (i + 16 <= na) sum = _mm512_add_ps(sum, _mm512_loadu_ps(a + i));
        if (i + 16 <= nb) sum = _mm512_add_ps(sum, _mm512_loadu_ps(b + i));
        if (i + 16 <= nc) _mm512_stream_ps(c + i, sum);
    }
    _mm_sfence();
    rest = _mm512_reduce_add_ps(sum);
#elif defined(__AVX__)
    __m256 sum = _mm256_setzero_ps();
    for (; i + 8 <= most; i += 8) {
        if (i + 8 <= na) sum = _mm256_add_ps(sum, _mm256_loadu_ps(a + i));
        if (i + 8 <= nb) sum = _mm256_add_ps(sum, _mm256_loadu_ps(b + i));
        if (i + 8 <= nc) _mm256_stream_ps(c + i, sum);
    }
    _mm_sfence();
    rest = sum[0];
#endif
    for (; i < most; i++) {
        if (i < na) rest += a[i];
        if (i < nb) rest += b[i];
        if (i < nc) c[i] = rest;
    }
    return 0;
}
