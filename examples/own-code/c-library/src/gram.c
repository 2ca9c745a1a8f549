#include "stat.h"

void gram(const double *a, double *c, int n, int m) {
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < m; j++) {
            double sum = 0.0;
            for (int k = 0; k < n; k++) {
                sum += a[k * m + i] * a[k * m + j];
            }
            c[i * m + j] = sum;
        }
    }
}
