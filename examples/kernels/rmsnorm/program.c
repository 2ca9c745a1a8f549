// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* RMS normalisation as its formula reads: weights on everything, then row by row the mean square and the scale. */
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

// nf: tune BLOCK in {64, 256, 1024, 4096}
#define BLOCK 256

/* Vectors as wide as the machine's, loads and stores at any address, and stores that bypass the caches. */
#if defined(__AVX512F__)
#define NF_BYTES 64
#define NF_PAST __builtin_ia32_movntps512
#elif defined(__AVX__)
#define NF_BYTES 32
#define NF_PAST __builtin_ia32_movntps256
#else
#define NF_BYTES 16
#if defined(__SSE__)
#define NF_PAST __builtin_ia32_movntps
#endif
#endif
typedef float nf_pack_float __attribute__((vector_size(NF_BYTES), aligned(4), may_alias));
typedef double nf_pack_double __attribute__((vector_size(NF_BYTES), aligned(8), may_alias));
typedef float nf_line_float __attribute__((vector_size(NF_BYTES), may_alias));
/* `to` is aligned to NF_BYTES. */
static inline __attribute__((always_inline)) void nf_past(void *to, const void *value) {
#ifdef NF_PAST
    NF_PAST((float *)to, *(const nf_line_float *)value);
#else
    __builtin_memcpy(to, value, NF_BYTES);
#endif
}
static inline void nf_past_end(void) {
#ifdef NF_PAST
    __builtin_ia32_sfence();
#endif
}
static inline __attribute__((always_inline)) float nf_sum_float(nf_pack_float all) {
    float part[NF_BYTES / 4];
    __builtin_memcpy(part, &all, NF_BYTES);
    for (int width = NF_BYTES / 8; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++) part[lane] += part[lane + width];
    return part[0];
}
static inline __attribute__((always_inline)) double nf_sum_double(nf_pack_double all) {
    double part[NF_BYTES / 8];
    __builtin_memcpy(part, &all, NF_BYTES);
    for (int width = NF_BYTES / 16; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++) part[lane] += part[lane + width];
    return part[0];
}

int nf_kernel(const nf_args *a) {
    const float *x = a->x;
    const float *w = a->w;
    float *y = a->y;
    int64_t rows = a->rows;
    int64_t cols = a->cols;
    float eps = (float)a->eps;

    for (int64_t row = 0; row < rows; row++) {
        
#pragma GCC unroll 4
        for (int64_t i = 0; i < cols; i++) {
                ;
            }
        float sum = 0.0f;
        for (int64_t start = 0; start < cols; start += BLOCK) {
                int64_t end = start + BLOCK < cols ? start + BLOCK : cols;
                float part = 0.0f;
                {
                /* nf: tune NF_AHEAD in {256,512,1024,2048,4096,8192} */
#define NF_AHEAD 1024
                    nf_pack_float nf_sum_0 = {0}, nf_sum_1 = {0}, nf_sum_2 = {0}, nf_sum_3 = {0};
                    int64_t i = start;
                    for (; i + 4 * (NF_BYTES / 4) <= end; i += 4 * (NF_BYTES / 4)) {
                        __builtin_prefetch(&x[row * cols + (i + 0 * (NF_BYTES / 4) + NF_AHEAD)], 0, 3);
                        __builtin_prefetch(&x[row * cols + (i + 1 * (NF_BYTES / 4) + NF_AHEAD)], 0, 3);
                        __builtin_prefetch(&x[row * cols + (i + 2 * (NF_BYTES / 4) + NF_AHEAD)], 0, 3);
                        __builtin_prefetch(&x[row * cols + (i + 3 * (NF_BYTES / 4) + NF_AHEAD)], 0, 3);
                        { nf_sum_0 += ((*(const nf_pack_float *)&x[row * cols + i]) * (*(const nf_pack_float *)&x[row * cols + i])); }
                        { nf_sum_1 += ((*(const nf_pack_float *)&x[row * cols + (i + 1 * (NF_BYTES / 4))]) * (*(const nf_pack_float *)&x[row * cols + (i + 1 * (NF_BYTES / 4))])); }
                        { nf_sum_2 += ((*(const nf_pack_float *)&x[row * cols + (i + 2 * (NF_BYTES / 4))]) * (*(const nf_pack_float *)&x[row * cols + (i + 2 * (NF_BYTES / 4))])); }
                        { nf_sum_3 += ((*(const nf_pack_float *)&x[row * cols + (i + 3 * (NF_BYTES / 4))]) * (*(const nf_pack_float *)&x[row * cols + (i + 3 * (NF_BYTES / 4))])); }
                    }
                    for (; i + (NF_BYTES / 4) <= end; i += (NF_BYTES / 4)) {
                        { nf_sum_0 += ((*(const nf_pack_float *)&x[row * cols + i]) * (*(const nf_pack_float *)&x[row * cols + i])); }
                    }
                    part += nf_sum_float(((nf_sum_0 + nf_sum_1) + (nf_sum_2 + nf_sum_3)));
                    for (; i < end; i++) {
                        part += x[row * cols + i] * x[row * cols + i];
                    }
                }
                sum += part;
            }
        float scale = 1.0f / sqrtf(sum / (float)cols + eps);
        {
            int64_t i = 0;
            for (; i < cols && (unsigned long)(&y[row * cols + i]) % NF_BYTES != 0; i++) {
                const float nf_again = x[row * cols + i] * w[i]; y[row * cols + i] = nf_again * scale;
            }
            for (; i + (NF_BYTES / 4) <= cols; i += (NF_BYTES / 4)) {
                const nf_pack_float nf_again = ((*(const nf_pack_float *)&x[row * cols + i]) * (*(const nf_pack_float *)&w[i]));
                const nf_pack_float nf_made = (nf_again * scale);
                nf_past(&y[row * cols + i], &nf_made);
            }
            for (; i < cols; i++) {
                const float nf_again = x[row * cols + i] * w[i]; y[row * cols + i] = nf_again * scale;
            }
        }
    }
    nf_past_end();

    
    return 0;
}
