#include <math.h>
#include <stdio.h>

#include "stat.h"

static int wrong = 0;

static void near(const char *what, double got, double expected) {
    if (!(fabs(got - expected) < 1e-9)) {
        printf("%s is %g and should be %g\n", what, got, expected);
        wrong = 1;
    }
}

int main(void) {
    const double a[6] = {1, 2, 3, 4, 5, 9}; /* three rows, two columns */
    double c[4], mean[2], variance[2];
    gram(a, c, 3, 2);
    near("c[0][0]", c[0], 35);
    near("c[0][1]", c[1], 59);
    near("c[1][0]", c[2], 59);
    near("c[1][1]", c[3], 101);
    moments(a, mean, variance, 3, 2);
    near("mean[0]", mean[0], 3);
    near("mean[1]", mean[1], 5);
    near("variance[0]", variance[0], 8.0 / 3);
    near("variance[1]", variance[1], 26.0 / 3);
    puts(wrong ? "FAILED" : "all right");
    return wrong;
}
