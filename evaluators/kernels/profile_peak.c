/* What one core computes at most: independent multiply-adds in its widest vectors, nothing loaded or stored.
 *
 * Prints the median of several tries in operations per second of CPU time (a multiply-add is two). Trusted. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX__)
#define WIDTH 32
#else
#define WIDTH 16
#endif
#define CHAINS 12
#define ROUNDS 6000000
#define TRIES 9

typedef float vec __attribute__((vector_size(WIDTH)));

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *one, const void *two) {
    double a = *(const double *)one, b = *(const double *)two;
    return (a > b) - (a < b);
}

static volatile float seed = 1.0f;

int main(void) {
    double rates[TRIES];
    for (int try = 0; try < TRIES; try++) {
        vec sum[CHAINS], factor = (vec){0} + seed * 0.999999f, term = (vec){0} + seed * 1e-6f;
        for (int chain = 0; chain < CHAINS; chain++) sum[chain] = (vec){0} + seed * (float)chain;
        double start = seconds();
        for (int64_t round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 12
            for (int chain = 0; chain < CHAINS; chain++) sum[chain] = sum[chain] * factor + term;
        }
        /* All sums are there before the clock is read again. */
        for (int chain = 0; chain < CHAINS; chain++) __asm__ volatile("" : : "m"(sum[chain]) : "memory");
        double took = seconds() - start;
        vec total = {0};
        for (int chain = 0; chain < CHAINS; chain++) total += sum[chain];
        seed = total[0] > 1e30f ? 2.0f : 1.0f;
        rates[try] = 2.0 * CHAINS * ROUNDS * (WIDTH / sizeof(float)) / took;
    }
    qsort(rates, TRIES, sizeof rates[0], ascending);
    printf("%.6g\n", rates[TRIES / 2]);
    return 0;
}
