/* usage: bench SEED [ROUNDS]: the library's work on data drawn from SEED, and a checksum of every result. */
#include <stdio.h>
#include <stdlib.h>

#include "stat.h"

enum { ROWS = 400, COLUMNS = 120 };

static double draw(unsigned long *state) {
    *state = *state * 6364136223846793005UL + 1442695040888963407UL;
    return (double)(*state >> 11) / 9007199254740992.0 - 0.5;
}

int main(int argc, char **argv) {
    static double a[ROWS * COLUMNS], c[COLUMNS * COLUMNS], mean[COLUMNS], variance[COLUMNS];
    unsigned long state = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    int rounds = argc > 2 ? atoi(argv[2]) : 80;
    for (int round = 0; round < rounds; round++) {
        double sum = 0.0;
        for (int k = 0; k < ROWS * COLUMNS; k++) a[k] = draw(&state);
        gram(a, c, ROWS, COLUMNS);
        moments(a, mean, variance, ROWS, COLUMNS);
        for (int i = 0; i < COLUMNS * COLUMNS; i++) sum += c[i] * (i % 7 + 1);
        for (int j = 0; j < COLUMNS; j++) sum += (j % 5 + 1) * (mean[j] + variance[j]);
        printf("round %d: %.6f\n", round, sum);
    }
    return 0;
}
