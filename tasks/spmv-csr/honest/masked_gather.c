// nf-flags: fast-math vec512
/* Rows of up to sixteen elements by one gather with a mask, two rows in flight; elements ahead are fetched early. */
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef struct {
    const int32_t *start;
    const int32_t *column;
    const float *value;
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
    int64_t nnz;
} nf_args;

#define AHEAD 512

#ifdef __AVX512F__
static inline float row_sum(const int32_t *column, const float *value, const float *x, int64_t count) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t p = 0; p < count; p += 16) {
        __mmask16 mask = count - p >= 16 ? 0xffff : (__mmask16)((1u << (count - p)) - 1u);
        __m512i places = _mm512_maskz_loadu_epi32(mask, column + p);
        __m512 found = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, places, x, 4);
        sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, value + p), found, sum);
    }
    return _mm512_reduce_add_ps(sum);
}
#else
static inline float row_sum(const int32_t *column, const float *value, const float *x, int64_t count) {
    float sum = 0.0f;
    for (int64_t p = 0; p < count; p++) sum += value[p] * x[column[p]];
    return sum;
}
#endif

int nf_kernel(const nf_args *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t first = a->start[i], count = a->start[i + 1] - first;
        if (first + AHEAD < a->nnz) __builtin_prefetch(a->x + a->column[first + AHEAD]);
        a->y[i] = row_sum(a->column + first, a->value + first, a->x, count);
    }
    return 0;
}
