/* Two kernels in turns on warm data that stays in the cache: CPU nanoseconds of each, a line a round.
 *
 * usage: warm FLOATS ROUNDS CALLS. Trusted: both kernels are the benchmark's own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    const float *x;
    float *y;
    int64_t n;
} nf_args;

int three(const nf_args *);
int two(const nf_args *);

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t timed(int (*kernel)(const nf_args *), const nf_args *a, int calls) {
    int64_t start = now();
    for (int i = 0; i < calls; i++) kernel(a);
    return now() - start;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int64_t n = atoll(argv[1]);
    int rounds = atoi(argv[2]), calls = atoi(argv[3]);
    float *x = aligned_alloc(64, (size_t)n * 4), *y = aligned_alloc(64, (size_t)n * 4);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1009) / 100.0f - 5.0f, y[i] = 0.0f;
    nf_args a = {x, y, n};
    timed(three, &a, calls), timed(two, &a, calls);
    for (int round = 0; round < rounds; round++) {
        int64_t first = timed(three, &a, calls), second = timed(two, &a, calls);
        printf("%lld %lld\n", (long long)first, (long long)second);
    }
    return 0;
}
