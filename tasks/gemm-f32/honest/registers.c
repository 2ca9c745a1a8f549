// nf-flags: fast-math vec512
/* 12 x 32 results stay in registers while the inner dimension runs; panels of b are packed for the second cache, strips of a
 * for the first. */
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef struct {
    const float *a;
    const float *b;
    float *c;
    int64_t m;
    int64_t n;
    int64_t k;
} nf_args;

#define MR 12
#define NR 32
#define KC 256
#define MC 96
#define NC 1024

#ifdef __AVX512F__
static _Alignas(64) float panel[KC * NC];
static _Alignas(64) float strip[KC * MC];

static void tile(int64_t depth, const float *a, const float *b, float *c, int64_t stride, int64_t rows, int64_t cols, int first) {
    __m512 s[MR][2];
    for (int r = 0; r < MR; r++) s[r][0] = s[r][1] = _mm512_setzero_ps();
    for (int64_t p = 0; p < depth; p++) {
        __m512 b0 = _mm512_load_ps(b + p * NR), b1 = _mm512_load_ps(b + p * NR + 16);
#pragma GCC unroll 12
        for (int r = 0; r < MR; r++) {
            __m512 f = _mm512_set1_ps(a[p * MR + r]);
            s[r][0] = _mm512_fmadd_ps(f, b0, s[r][0]);
            s[r][1] = _mm512_fmadd_ps(f, b1, s[r][1]);
        }
    }
    for (int h = 0; h < 2; h++) {
        int64_t left = cols - 16 * h;
        __mmask16 mask = left >= 16 ? 0xffff : left > 0 ? (__mmask16)((1u << left) - 1u) : 0;
        for (int64_t r = 0; r < rows; r++) {
            float *to = c + r * stride + 16 * h;
            __m512 sum = s[r][h];
            if (!first) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, to));
            _mm512_mask_storeu_ps(to, mask, sum);
        }
    }
}

static void pack_b(const float *b, int64_t n, int64_t depth, int64_t cols) {
    for (int64_t j = 0; j < cols; j += NR) {
        int64_t width = cols - j < NR ? cols - j : NR;
        float *to = panel + j * depth;
        for (int64_t p = 0; p < depth; p++) {
            if (width < NR) memset(to + p * NR, 0, NR * sizeof(float));
            memcpy(to + p * NR, b + p * n + j, (size_t)width * sizeof(float));
        }
    }
}

static void pack_a(const float *a, int64_t k, int64_t depth, int64_t rows) {
    for (int64_t i = 0; i < rows; i += MR) {
        float *to = strip + i * depth;
        const float *from = a + i * k;
        if (i + MR <= rows) {
            for (int64_t p = 0; p < depth; p++) {
                for (int64_t r = 0; r < MR; r++) to[p * MR + r] = from[r * k + p];
            }
        } else {
            for (int64_t p = 0; p < depth; p++) {
                for (int64_t r = 0; r < MR; r++) to[p * MR + r] = i + r < rows ? from[r * k + p] : 0.0f;
            }
        }
    }
}

int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    for (int64_t j = 0; j < n; j += NC) {
        int64_t cols = n - j < NC ? n - j : NC;
        for (int64_t p = 0; p < k; p += KC) {
            int64_t depth = k - p < KC ? k - p : KC;
            pack_b(args->b + p * n + j, n, depth, cols);
            for (int64_t i = 0; i < m; i += MC) {
                int64_t rows = m - i < MC ? m - i : MC;
                pack_a(args->a + i * k + p, k, depth, rows);
                for (int64_t jj = 0; jj < cols; jj += NR) {
                    for (int64_t ii = 0; ii < rows; ii += MR) {
                        tile(
                            depth, strip + ii * depth, panel + jj * depth, args->c + (i + ii) * n + j + jj, n,
                            rows - ii < MR ? rows - ii : MR, cols - jj < NR ? cols - jj : NR, p == 0
                        );
                    }
                }
            }
        }
    }
    return 0;
}
#else
int nf_kernel(const nf_args *args) {
    int64_t m = args->m, n = args->n, k = args->k;
    memset(args->c, 0, (size_t)(m * n) * sizeof(float));
    for (int64_t i = 0; i < m; i++) {
        for (int64_t p = 0; p < k; p++) {
            for (int64_t j = 0; j < n; j++) args->c[i * n + j] += args->a[i * k + p] * args->b[p * n + j];
        }
    }
    return 0;
}
#endif
