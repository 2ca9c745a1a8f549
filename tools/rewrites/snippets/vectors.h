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
