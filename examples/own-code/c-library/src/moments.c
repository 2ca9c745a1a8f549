#include "stat.h"

void moments(const double *a, double *mean, double *variance, int n, int m) {
    for (int j = 0; j < m; j++) {
        double sum = 0.0;
        for (int k = 0; k < n; k++) {
            sum += a[k * m + j];
        }
        mean[j] = sum / n;
    }
    for (int j = 0; j < m; j++) {
        double sum = 0.0;
        for (int k = 0; k < n; k++) {
            sum += (a[k * m + j] - mean[j]) * (a[k * m + j] - mean[j]);
        }
        variance[j] = sum / n;
    }
}
