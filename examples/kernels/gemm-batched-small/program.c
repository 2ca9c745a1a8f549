// nf: tune nf-flags in {fast-math, fast-math vec512, fast-math vec256, fast-math vec512 unroll}
// nf-flags: fast-math
/* Many small products of matrices, each as its formula reads. */
#include <stdint.h>

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t batch;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

#if defined(__AVX512F__)
#include <immintrin.h>
#define NF_LANES 16
#else
#define NF_LANES 8
#endif
#define NF_ROWS 8
#define NF_WIDTH (3 * NF_LANES)
/* nf: tune NF_DEPTH in {128,192,256,384,512} */
#define NF_DEPTH 256
/* nf: tune NF_HEIGHT in {48,96,168,240} */
#define NF_HEIGHT 48
/* nf: tune NF_SPAN in {192,480,960} */
#define NF_SPAN 480
/* Bytes of b up to which it is read where it lies. */
/* nf: tune NF_DIRECT in {0,8192,32768,262144} */
#define NF_DIRECT 32768
typedef float nf_real;
typedef nf_real nf_vector __attribute__((vector_size(NF_LANES * sizeof(nf_real))));
typedef nf_real nf_place __attribute__((vector_size(NF_LANES * sizeof(nf_real)), aligned(sizeof(nf_real)), may_alias));
/* The first `count` lanes; the others are 0, and are not touched in memory. */
static inline nf_vector nf_load_part(const nf_real *from, long count) {
#if defined(__AVX512F__)
    return (nf_vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
    nf_vector made = {0};
    for (long lane = 0; lane < count; lane++) made[lane] = from[lane];
    return made;
#endif
}
static inline void nf_store_part(nf_real *to, nf_vector value, long count) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
#else
    for (long lane = 0; lane < count; lane++) to[lane] = value[lane];
#endif
}
static inline __attribute__((always_inline)) void nf_put(nf_real *to, nf_vector value, long count, int adds) {
    if (count == NF_LANES) {
        if (adds) value += *(const nf_place *)to;
        *(nf_place *)to = value;
    } else {
        if (adds) value += nf_load_part(to, count);
        nf_store_part(to, value, count);
    }
}
static inline __attribute__((always_inline)) void nf_tile_8_3(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c0_1 = {0}, c0_2 = {0}, c1_0 = {0}, c1_1 = {0}, c1_2 = {0}, c2_0 = {0}, c2_1 = {0}, c2_2 = {0}, c3_0 = {0}, c3_1 = {0}, c3_2 = {0}, c4_0 = {0}, c4_1 = {0}, c4_2 = {0}, c5_0 = {0}, c5_1 = {0}, c5_2 = {0}, c6_0 = {0}, c6_1 = {0}, c6_2 = {0}, c7_0 = {0}, c7_1 = {0}, c7_2 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = *(const nf_place *)(b + 2 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; c1_1 += x * b1; c1_2 += x * b2; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; c2_1 += x * b1; c2_2 += x * b2; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; c3_1 += x * b1; c3_2 += x * b2; }
        { const nf_real x = a[4 * ai]; c4_0 += x * b0; c4_1 += x * b1; c4_2 += x * b2; }
        { const nf_real x = a[5 * ai]; c5_0 += x * b0; c5_1 += x * b1; c5_2 += x * b2; }
        { const nf_real x = a[6 * ai]; c6_0 += x * b0; c6_1 += x * b1; c6_2 += x * b2; }
        { const nf_real x = a[7 * ai]; c7_0 += x * b0; c7_1 += x * b1; c7_2 += x * b2; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = nf_load_part(b + 2 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; c1_1 += x * b1; c1_2 += x * b2; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; c2_1 += x * b1; c2_2 += x * b2; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; c3_1 += x * b1; c3_2 += x * b2; }
        { const nf_real x = a[4 * ai]; c4_0 += x * b0; c4_1 += x * b1; c4_2 += x * b2; }
        { const nf_real x = a[5 * ai]; c5_0 += x * b0; c5_1 += x * b1; c5_2 += x * b2; }
        { const nf_real x = a[6 * ai]; c6_0 += x * b0; c6_1 += x * b1; c6_2 += x * b2; }
        { const nf_real x = a[7 * ai]; c7_0 += x * b0; c7_1 += x * b1; c7_2 += x * b2; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, NF_LANES, adds);
    nf_put(c + 0 * ci + 1 * NF_LANES, c0_1, NF_LANES, adds);
    nf_put(c + 0 * ci + 2 * NF_LANES, c0_2, last, adds);
    nf_put(c + 1 * ci + 0 * NF_LANES, c1_0, NF_LANES, adds);
    nf_put(c + 1 * ci + 1 * NF_LANES, c1_1, NF_LANES, adds);
    nf_put(c + 1 * ci + 2 * NF_LANES, c1_2, last, adds);
    nf_put(c + 2 * ci + 0 * NF_LANES, c2_0, NF_LANES, adds);
    nf_put(c + 2 * ci + 1 * NF_LANES, c2_1, NF_LANES, adds);
    nf_put(c + 2 * ci + 2 * NF_LANES, c2_2, last, adds);
    nf_put(c + 3 * ci + 0 * NF_LANES, c3_0, NF_LANES, adds);
    nf_put(c + 3 * ci + 1 * NF_LANES, c3_1, NF_LANES, adds);
    nf_put(c + 3 * ci + 2 * NF_LANES, c3_2, last, adds);
    nf_put(c + 4 * ci + 0 * NF_LANES, c4_0, NF_LANES, adds);
    nf_put(c + 4 * ci + 1 * NF_LANES, c4_1, NF_LANES, adds);
    nf_put(c + 4 * ci + 2 * NF_LANES, c4_2, last, adds);
    nf_put(c + 5 * ci + 0 * NF_LANES, c5_0, NF_LANES, adds);
    nf_put(c + 5 * ci + 1 * NF_LANES, c5_1, NF_LANES, adds);
    nf_put(c + 5 * ci + 2 * NF_LANES, c5_2, last, adds);
    nf_put(c + 6 * ci + 0 * NF_LANES, c6_0, NF_LANES, adds);
    nf_put(c + 6 * ci + 1 * NF_LANES, c6_1, NF_LANES, adds);
    nf_put(c + 6 * ci + 2 * NF_LANES, c6_2, last, adds);
    nf_put(c + 7 * ci + 0 * NF_LANES, c7_0, NF_LANES, adds);
    nf_put(c + 7 * ci + 1 * NF_LANES, c7_1, NF_LANES, adds);
    nf_put(c + 7 * ci + 2 * NF_LANES, c7_2, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_4_3(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c0_1 = {0}, c0_2 = {0}, c1_0 = {0}, c1_1 = {0}, c1_2 = {0}, c2_0 = {0}, c2_1 = {0}, c2_2 = {0}, c3_0 = {0}, c3_1 = {0}, c3_2 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = *(const nf_place *)(b + 2 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; c1_1 += x * b1; c1_2 += x * b2; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; c2_1 += x * b1; c2_2 += x * b2; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; c3_1 += x * b1; c3_2 += x * b2; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = nf_load_part(b + 2 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; c1_1 += x * b1; c1_2 += x * b2; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; c2_1 += x * b1; c2_2 += x * b2; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; c3_1 += x * b1; c3_2 += x * b2; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, NF_LANES, adds);
    nf_put(c + 0 * ci + 1 * NF_LANES, c0_1, NF_LANES, adds);
    nf_put(c + 0 * ci + 2 * NF_LANES, c0_2, last, adds);
    nf_put(c + 1 * ci + 0 * NF_LANES, c1_0, NF_LANES, adds);
    nf_put(c + 1 * ci + 1 * NF_LANES, c1_1, NF_LANES, adds);
    nf_put(c + 1 * ci + 2 * NF_LANES, c1_2, last, adds);
    nf_put(c + 2 * ci + 0 * NF_LANES, c2_0, NF_LANES, adds);
    nf_put(c + 2 * ci + 1 * NF_LANES, c2_1, NF_LANES, adds);
    nf_put(c + 2 * ci + 2 * NF_LANES, c2_2, last, adds);
    nf_put(c + 3 * ci + 0 * NF_LANES, c3_0, NF_LANES, adds);
    nf_put(c + 3 * ci + 1 * NF_LANES, c3_1, NF_LANES, adds);
    nf_put(c + 3 * ci + 2 * NF_LANES, c3_2, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_2_3(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c0_1 = {0}, c0_2 = {0}, c1_0 = {0}, c1_1 = {0}, c1_2 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = *(const nf_place *)(b + 2 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; c1_1 += x * b1; c1_2 += x * b2; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = nf_load_part(b + 2 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; c1_1 += x * b1; c1_2 += x * b2; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, NF_LANES, adds);
    nf_put(c + 0 * ci + 1 * NF_LANES, c0_1, NF_LANES, adds);
    nf_put(c + 0 * ci + 2 * NF_LANES, c0_2, last, adds);
    nf_put(c + 1 * ci + 0 * NF_LANES, c1_0, NF_LANES, adds);
    nf_put(c + 1 * ci + 1 * NF_LANES, c1_1, NF_LANES, adds);
    nf_put(c + 1 * ci + 2 * NF_LANES, c1_2, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_1_3(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c0_1 = {0}, c0_2 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = *(const nf_place *)(b + 2 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        const nf_vector b1 = *(const nf_place *)(b + 1 * NF_LANES);
        const nf_vector b2 = nf_load_part(b + 2 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; c0_1 += x * b1; c0_2 += x * b2; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, NF_LANES, adds);
    nf_put(c + 0 * ci + 1 * NF_LANES, c0_1, NF_LANES, adds);
    nf_put(c + 0 * ci + 2 * NF_LANES, c0_2, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_8_1(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c1_0 = {0}, c2_0 = {0}, c3_0 = {0}, c4_0 = {0}, c5_0 = {0}, c6_0 = {0}, c7_0 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; }
        { const nf_real x = a[4 * ai]; c4_0 += x * b0; }
        { const nf_real x = a[5 * ai]; c5_0 += x * b0; }
        { const nf_real x = a[6 * ai]; c6_0 += x * b0; }
        { const nf_real x = a[7 * ai]; c7_0 += x * b0; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = nf_load_part(b + 0 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; }
        { const nf_real x = a[4 * ai]; c4_0 += x * b0; }
        { const nf_real x = a[5 * ai]; c5_0 += x * b0; }
        { const nf_real x = a[6 * ai]; c6_0 += x * b0; }
        { const nf_real x = a[7 * ai]; c7_0 += x * b0; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, last, adds);
    nf_put(c + 1 * ci + 0 * NF_LANES, c1_0, last, adds);
    nf_put(c + 2 * ci + 0 * NF_LANES, c2_0, last, adds);
    nf_put(c + 3 * ci + 0 * NF_LANES, c3_0, last, adds);
    nf_put(c + 4 * ci + 0 * NF_LANES, c4_0, last, adds);
    nf_put(c + 5 * ci + 0 * NF_LANES, c5_0, last, adds);
    nf_put(c + 6 * ci + 0 * NF_LANES, c6_0, last, adds);
    nf_put(c + 7 * ci + 0 * NF_LANES, c7_0, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_4_1(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c1_0 = {0}, c2_0 = {0}, c3_0 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = nf_load_part(b + 0 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; }
        { const nf_real x = a[2 * ai]; c2_0 += x * b0; }
        { const nf_real x = a[3 * ai]; c3_0 += x * b0; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, last, adds);
    nf_put(c + 1 * ci + 0 * NF_LANES, c1_0, last, adds);
    nf_put(c + 2 * ci + 0 * NF_LANES, c2_0, last, adds);
    nf_put(c + 3 * ci + 0 * NF_LANES, c3_0, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_2_1(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0}, c1_0 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = nf_load_part(b + 0 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
        { const nf_real x = a[1 * ai]; c1_0 += x * b0; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, last, adds);
    nf_put(c + 1 * ci + 0 * NF_LANES, c1_0, last, adds);
}
static inline __attribute__((always_inline)) void nf_tile_1_1(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    nf_vector c0_0 = {0};
    long p = 0;
    for (; p < sure; p++, a += ap, b += bp) {
        const nf_vector b0 = *(const nf_place *)(b + 0 * NF_LANES);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
    }
    for (; p < depth; p++, a += ap, b += bp) {
        const nf_vector b0 = nf_load_part(b + 0 * NF_LANES, last);
        { const nf_real x = a[0 * ai]; c0_0 += x * b0; }
    }
    nf_put(c + 0 * ci + 0 * NF_LANES, c0_0, last, adds);
}
static inline __attribute__((always_inline)) void nf_strip_3(long rows, long depth, const nf_real *a, long ai,
        long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    long i = 0;
    for (; rows - i >= 8; i += 8) nf_tile_8_3(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
    for (; rows - i >= 4; i += 4) nf_tile_4_3(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
    for (; rows - i >= 2; i += 2) nf_tile_2_3(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
    for (; rows - i >= 1; i += 1) nf_tile_1_3(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
}
static inline __attribute__((always_inline)) void nf_strip_1(long rows, long depth, const nf_real *a, long ai,
        long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {
    long i = 0;
    for (; rows - i >= 8; i += 8) nf_tile_8_1(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
    for (; rows - i >= 4; i += 4) nf_tile_4_1(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
    for (; rows - i >= 2; i += 2) nf_tile_2_1(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
    for (; rows - i >= 1; i += 1) nf_tile_1_1(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);
}
static inline __attribute__((always_inline)) void nf_direct(long rows, long cols, long depth,
        const nf_real *a, long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, int adds) {
    long j = 0;
    for (; cols - j >= 3 * NF_LANES; j += 3 * NF_LANES)
        nf_strip_3(rows, depth, a, ai, ap, b + j, bp, c + j, ci, NF_LANES, depth, adds);
    for (; cols - j >= NF_LANES; j += NF_LANES)
        nf_strip_1(rows, depth, a, ai, ap, b + j, bp, c + j, ci, NF_LANES, depth, adds);
    if (j < cols) {
        /* Lanes that are missing are read from the next line of b, and never stored: reading some lanes only is slow
           on some processors where they cross a line of the cache. In the last steps no line follows. */
        const long last = cols - j, missing = NF_LANES - last;
        const long sure = bp > 0 ? depth - (missing + bp - 1) / bp : 0;
        nf_strip_1(rows, depth, a, ai, ap, b + j, bp, c + j, ci, last, sure, adds);
    }
}
/* One packed block of a times one packed block of b. */
static void nf_block(long rows, long cols, long depth, const nf_real *a, const nf_real *b, nf_real *c, long ci,
        int adds) {
    for (long j = 0; j < cols; j += NF_WIDTH, b += depth * NF_WIDTH) {
        const long wide = cols - j < NF_WIDTH ? cols - j : NF_WIDTH;
        for (long i = 0; i < rows; i += NF_ROWS) {
            const nf_real *panel = a + i * depth;
            const long high = rows - i < NF_ROWS ? rows - i : NF_ROWS;
            nf_real *to = c + i * ci + j;
            if (high == NF_ROWS && wide > NF_WIDTH - NF_LANES) {
                const long last = wide - (NF_WIDTH - NF_LANES);
                nf_tile_8_3(depth, panel, 1, NF_ROWS, b, NF_WIDTH, to, ci, last, depth, adds);
                continue;
            }
            for (long v = 0; v < wide; v += NF_LANES) {
                const long last = wide - v < NF_LANES ? wide - v : NF_LANES;
                nf_strip_1(high, depth, panel, 1, NF_ROWS, b + v, NF_WIDTH, to + v, ci, last, depth, adds);
            }
        }
    }
}
/* Panels of `width` lines of `from`, each step of the depth together; lines that are missing are 0. */
static inline __attribute__((always_inline)) void nf_pack(nf_real *to, const nf_real *from, long lines, long width,
        long depth, long line, long step) {
    for (long start = 0; start < lines; start += width) {
        const long count = lines - start < width ? lines - start : width;
        const nf_real *at = from + start * line;
        if (count == width && line == 1) {
            for (long p = 0; p < depth; p++, to += width)
                for (long k = 0; k < width; k++) to[k] = at[p * step + k];
            continue;
        }
        for (long p = 0; p < depth; p++, to += width)
            for (long k = 0; k < width; k++) to[k] = k < count ? at[k * line + p * step] : 0;
    }
}
/* Both operands packed, block by block. */
static __attribute__((noinline)) void nf_packed(long m, long n, long k, const nf_real *a, long ai, long ap,
        const nf_real *b, long bp, long bj, nf_real *c, long ci, int adds) {
    _Alignas(64) nf_real packed_b[NF_DEPTH * ((NF_SPAN + NF_WIDTH - 1) / NF_WIDTH) * NF_WIDTH];
    _Alignas(64) nf_real packed_a[NF_DEPTH * ((NF_HEIGHT + NF_ROWS - 1) / NF_ROWS) * NF_ROWS];
    for (long j = 0; j < n; j += NF_SPAN) {
        const long cols = n - j < NF_SPAN ? n - j : NF_SPAN;
        for (long p = 0; p < k; p += NF_DEPTH) {
            const long depth = k - p < NF_DEPTH ? k - p : NF_DEPTH;
            nf_pack(packed_b, b + p * bp + j * bj, cols, NF_WIDTH, depth, bj, bp);
            for (long i = 0; i < m; i += NF_HEIGHT) {
                const long rows = m - i < NF_HEIGHT ? m - i : NF_HEIGHT;
                nf_pack(packed_a, a + i * ai + p * ap, rows, NF_ROWS, depth, ai, ap);
                nf_block(rows, cols, depth, packed_a, packed_b, c + i * ci + j, ci, adds || p > 0);
            }
        }
    }
}
/* c += a b (or c = a b where `adds` is 0); c lies in rows, a and b lie as they like. In place of its call, so that a
   small product in a loop costs no call, and sizes that the caller knows are known here. */
static inline __attribute__((always_inline)) void nf_contract(long m, long n, long k, const nf_real *a, long ai, long ap,
        const nf_real *b, long bp, long bj, nf_real *c, long ci, int adds) {
    if (m <= 0 || n <= 0) return;
    if (k <= 0) {
        if (!adds) for (long i = 0; i < m; i++) for (long j = 0; j < n; j++) c[i * ci + j] = 0;
    } else if (bj == 1 && (n * k * (long)sizeof(nf_real) <= NF_DIRECT || m < 4)) {
        nf_direct(m, n, k, a, ai, ap, b, bp, c, ci, adds);
    } else {
        nf_packed(m, n, k, a, ai, ap, b, bp, bj, c, ci, adds);
    }
}

int nf_kernel(const nf_args *args) {
    const float *nf_a = args->a;
    const float *nf_b = args->b;
    float *nf_c = args->c;
    int64_t batch = args->batch;
    int64_t m = args->m;
    int64_t n = args->n;
    int64_t k = args->k;

    for (int64_t q = 0; q < batch; q++) {
        const float *a = nf_a + q * m * k;
        const float *b = nf_b + q * k * n;
        float *c = nf_c + q * m * n;
        nf_contract(m, n, k,
            nf_a + k * m * q, k, 1,
            nf_b + k * n * q, n, 1,
            nf_c + m * n * q, n, 0);
    }
    return 0;
}
