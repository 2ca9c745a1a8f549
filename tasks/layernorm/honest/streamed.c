// nf-flags: fast-math vec512
/* Four accumulators for each sum, and results past the cache, where rows are whole vectors; plain rows elsewhere. */
#include <math.h>
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef struct {
    const float *x;
    const float *w;
    const float *b;
    float *y;
    int64_t rows;
    int64_t cols;
    double eps;
} nf_args;

static float plain_mean(const float *x, int64_t cols) {
    float sum = 0.0f;
    for (int64_t i = 0; i < cols; i++) sum += x[i];
    return sum / (float)cols;
}

static float plain_variance(const float *x, int64_t cols, float mean) {
    float sum = 0.0f;
    for (int64_t i = 0; i < cols; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sum / (float)cols;
}

static void plain_row(const float *x, const float *w, const float *b, float *y, int64_t cols, float eps) {
    float mean = plain_mean(x, cols), scale = 1.0f / sqrtf(plain_variance(x, cols, mean) + eps);
    for (int64_t i = 0; i < cols; i++) y[i] = (x[i] - mean) * scale * w[i] + b[i];
}

#ifdef __AVX512F__
static void wide_row(const float *x, const float *w, const float *b, float *y, int64_t cols, float eps) {
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
    for (int64_t i = 0; i < cols; i += 64) {
        s0 = _mm512_add_ps(s0, _mm512_load_ps(x + i));
        s1 = _mm512_add_ps(s1, _mm512_load_ps(x + i + 16));
        s2 = _mm512_add_ps(s2, _mm512_load_ps(x + i + 32));
        s3 = _mm512_add_ps(s3, _mm512_load_ps(x + i + 48));
    }
    float mean = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3))) / (float)cols;
    __m512 m = _mm512_set1_ps(mean);
    for (int64_t i = 0; i < cols; i += 64) {
        __m512 d0 = _mm512_sub_ps(_mm512_load_ps(x + i), m), d1 = _mm512_sub_ps(_mm512_load_ps(x + i + 16), m);
        __m512 d2 = _mm512_sub_ps(_mm512_load_ps(x + i + 32), m), d3 = _mm512_sub_ps(_mm512_load_ps(x + i + 48), m);
        q0 = _mm512_fmadd_ps(d0, d0, q0);
        q1 = _mm512_fmadd_ps(d1, d1, q1);
        q2 = _mm512_fmadd_ps(d2, d2, q2);
        q3 = _mm512_fmadd_ps(d3, d3, q3);
    }
    float squares = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(q0, q1), _mm512_add_ps(q2, q3)));
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(squares / (float)cols + eps));
    for (int64_t i = 0; i < cols; i += 16) {
        __m512 t = _mm512_mul_ps(_mm512_sub_ps(_mm512_load_ps(x + i), m), scale);
        _mm512_stream_ps(y + i, _mm512_fmadd_ps(t, _mm512_load_ps(w + i), _mm512_load_ps(b + i)));
    }
}
#endif

int nf_kernel(const nf_args *a) {
    float eps = (float)a->eps;
    int64_t cols = a->cols;
#ifdef __AVX512F__
    if (cols % 64 == 0) {
        for (int64_t row = 0; row < a->rows; row++) {
            wide_row(a->x + row * cols, a->w, a->b, a->y + row * cols, cols, eps);
        }
        _mm_sfence();
        return 0;
    }
#endif
    for (int64_t row = 0; row < a->rows; row++) {
        plain_row(a->x + row * cols, a->w, a->b, a->y + row * cols, cols, eps);
    }
    return 0;
}
