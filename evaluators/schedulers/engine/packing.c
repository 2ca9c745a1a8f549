/* Online bin packing: see ../drivers/packing.py. An instance: capacity, items, the sizes. The formula sees of them what
 * has come. */
#include "engine.h"

#include <string.h>

/* As ../packing.py lists them. */
enum { ITEM, ROOM, LEFT, HERE, THERE, OLDEST, BINS, SEEN, VOLUME, CAPACITY, FEATURES };

typedef struct {
    int count, space;
    int *bin; /* a heap: the oldest is first */
} heap;

static void push(heap *h, int bin) {
    if (h->count == h->space) {
        int *more = room_for((size_t)(h->space = h->space ? 2 * h->space : 16), sizeof *more);
        if (h->count) memcpy(more, h->bin, (size_t)h->count * sizeof *more);
        h->bin = more;
    }
    int place = h->count++;
    for (; place && h->bin[(place - 1) / 2] > bin; place = (place - 1) / 2) h->bin[place] = h->bin[(place - 1) / 2];
    h->bin[place] = bin;
}

static int pop(heap *h) {
    int oldest = h->bin[0], last = h->bin[--h->count], place = 0;
    for (int child; (child = 2 * place + 1) < h->count; place = child) {
        if (child + 1 < h->count && h->bin[child + 1] < h->bin[child]) child++;
        if (h->bin[child] >= last) break;
        h->bin[place] = h->bin[child];
    }
    h->bin[place] = last;
    return oldest;
}

long solve(const formula *rules, const double *instance) {
    int capacity = (int)instance[0], items = (int)instance[1], bins = 0;
    heap *open = room_for((size_t)capacity + 1, sizeof *open);
    double f[FEATURES], volume = 0;
    for (int seen = 0; seen < items; seen++) {
        int item = (int)instance[2 + seen], best = capacity, has_best = 0;
        double best_value = 0;
        f[ITEM] = item;
        f[BINS] = bins;
        f[SEEN] = seen;
        f[VOLUME] = volume;
        f[CAPACITY] = capacity;
        for (int room = item; room < capacity; room++) {
            if (!open[room].count || !room) continue;
            f[ROOM] = room;
            f[LEFT] = room - item;
            f[HERE] = open[room].count;
            f[THERE] = room > item ? open[room - item].count : 0;
            f[OLDEST] = open[room].bin[0];
            double value = value_of(rules[0], f);
            if (!has_best || value > best_value) best = room, best_value = value, has_best = 1;
        }
        f[ROOM] = capacity;
        f[LEFT] = capacity - item;
        f[HERE] = 0;
        f[THERE] = open[capacity - item].count;
        f[OLDEST] = bins;
        double value = value_of(rules[0], f);
        if (!has_best || value > best_value) best = capacity;
        push(&open[best - item], best == capacity ? bins++ : pop(&open[best]));
        volume += item;
        put(best);
    }
    return bins;
}
