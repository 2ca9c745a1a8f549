#ifndef STAT_H
#define STAT_H

/* c = a' a for a row-major a of n rows and m columns; c has m rows and m columns. */
void gram(const double *a, double *c, int n, int m);

/* Mean and variance (over n) of each of the m columns. */
void moments(const double *a, double *mean, double *variance, int n, int m);

#endif
