/* Copy a finished tile to memory with stores that bypass the caches: no line is read before it is written over. */
#if defined(__AVX512F__)
#define NF_LINE 64
#define NF_PAST_CACHE __builtin_ia32_movntps512
#elif defined(__AVX__)
#define NF_LINE 32
#define NF_PAST_CACHE __builtin_ia32_movntps256
#elif defined(__SSE__)
#define NF_LINE 16
#define NF_PAST_CACHE __builtin_ia32_movntps
#endif
#ifdef NF_LINE
typedef float nf_line __attribute__((vector_size(NF_LINE), aligned(1), may_alias));
#endif
static inline void nf_stream(void *target, const void *tile, unsigned long count) {
    unsigned char *to = (unsigned char *)target;
    const unsigned char *from = (const unsigned char *)tile;
    unsigned long done = (64 - (unsigned long)to % 64) % 64;
    done = done < count ? done : count;
    __builtin_memcpy(to, from, done);
#ifdef NF_LINE
    for (; done + NF_LINE <= count; done += NF_LINE)
        NF_PAST_CACHE((float *)(to + done), *(const nf_line *)(from + done));
#endif
    __builtin_memcpy(to + done, from + done, count - done);
}
static inline void nf_stream_end(void) {
#ifdef NF_LINE
    __builtin_ia32_sfence();
#endif
}
