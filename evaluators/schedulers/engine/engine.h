/* What the drivers in C share: formulas as postfix programs over doubles, and the arrays they write their answers to.
 *
 * A driver here does what the driver of the same name in ../drivers does, decision by decision: features are integers
 * below 2^53 or one division of such, so that a double holds what Python holds. Where a value could differ (beyond
 * 2^53, no number, a division by zero) `doubtful` is set, and the program itself is run instead.
 */
#ifndef NIGHTFORGE_ENGINE_H
#define NIGHTFORGE_ENGINE_H

#include <stddef.h>

enum op { NUMBER, FEATURE, ADD, SUB, MUL, DIV, MIN, MAX, NEG, ABS, LESS, EQUAL, LOG, SQRT, OPS };

typedef struct {
    enum op op;
    double value; /* of a NUMBER; the place of a FEATURE */
} step;

typedef struct {
    int length;
    const step *steps;
} formula;

extern int doubtful;

double value_of(formula rule, const double *features);

/* Answers of one instance: as many integers as the driver likes. */
void put(long number);

/* Zeroed memory until the end of the instance. */
void *room_for(size_t count, size_t size);

/* The driver: one instance as it was sent, one formula per function of the problem. The cost of what it decided. */
long solve(const formula *rules, const double *instance);

static inline long at_least(long one, long other) { return one > other ? one : other; }

#endif
