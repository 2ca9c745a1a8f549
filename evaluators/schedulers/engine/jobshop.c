/* Job shops: see ../drivers/jobshop.py. An instance: jobs, machines, then per job its length and (machine, duration). */
#include "engine.h"

#define PATIENCE 3
#define FEATURES 17

typedef struct {
    int jobs, machines, operations;
    const double **job; /* (machine, duration) of each operation */
    int *length, *step, *waiting, *waits;
    long *left, *total, *ready, *machine_left, *free;
} shop;

static int machine_of(const shop *s, int job, int at) { return (int)s->job[job][2 * at]; }
static long duration_of(const shop *s, int job, int at) { return (long)s->job[job][2 * at + 1]; }
static int *queue_at(const shop *s, int machine) { return s->waiting + machine * s->jobs; }

static shop opened(const double *data) {
    shop s = {.jobs = (int)data[0], .machines = (int)data[1]};
    size_t jobs = (size_t)s.jobs, machines = (size_t)s.machines;
    s.job = room_for(jobs, sizeof *s.job);
    s.length = room_for(jobs, sizeof *s.length);
    s.step = room_for(jobs, sizeof *s.step);
    s.waiting = room_for(jobs * machines, sizeof *s.waiting);
    s.waits = room_for(machines, sizeof *s.waits);
    s.left = room_for(jobs, sizeof *s.left);
    s.total = room_for(jobs, sizeof *s.total);
    s.ready = room_for(jobs, sizeof *s.ready);
    s.machine_left = room_for(machines, sizeof *s.machine_left);
    s.free = room_for(machines, sizeof *s.free);
    data += 2;
    for (int job = 0; job < s.jobs; job++) {
        s.length[job] = (int)*data++;
        s.job[job] = data;
        data += 2 * s.length[job];
        for (int at = 0; at < s.length[job]; at++) {
            s.left[job] += duration_of(&s, job, at);
            s.machine_left[machine_of(&s, job, at)] += duration_of(&s, job, at);
        }
        s.total[job] = s.left[job];
        s.operations += s.length[job];
        int first = machine_of(&s, job, 0);
        queue_at(&s, first)[s.waits[first]++] = job;
    }
    return s;
}

/* The machine that can do something first; when, in *now. */
static int soonest(const shop *s, long *now) {
    int best = -1;
    for (int machine = 0; machine < s->machines; machine++) {
        if (!s->waits[machine]) continue;
        const int *queue = queue_at(s, machine);
        long first = s->ready[queue[0]];
        for (int place = 1; place < s->waits[machine]; place++) {
            if (s->ready[queue[place]] < first) first = s->ready[queue[place]];
        }
        long time = at_least(s->free[machine], first);
        if (best < 0 || time < *now) best = machine, *now = time;
    }
    return best;
}

/* What may be chosen now: what waits, and what comes before a third of the first one's time is over. */
static int may_choose(const shop *s, int machine, long now, int *chosen) {
    const int *queue = queue_at(s, machine);
    long first = -1;
    int count = 0;
    if (s->waits[machine] == 1) return chosen[0] = queue[0], 1;
    for (int place = 0; place < s->waits[machine]; place++) {
        int job = queue[place];
        long end = at_least(now, s->ready[job]) + duration_of(s, job, s->step[job]);
        if (first < 0 || end < first) first = end;
    }
    for (int place = 0; place < s->waits[machine]; place++) {
        if (s->ready[queue[place]] <= now + (first - now - 1) / PATIENCE) chosen[count++] = queue[place];
    }
    return count;
}

static void describe(const shop *s, int machine, long now, int job, long most, double *f) {
    int at = s->step[job];
    long duration = duration_of(s, job, at), came = s->ready[job], remaining = s->left[job];
    long end = at_least(now, came) + duration, next_queue = 0, bottleneck = 0, loaded = 0, held = 0;
    int has_next = at + 1 < s->length[job], next = has_next ? machine_of(s, job, at + 1) : 0;
    if (has_next) {
        for (int place = 0; place < s->waits[next]; place++) {
            int other = queue_at(s, next)[place];
            next_queue += duration_of(s, other, s->step[other]);
        }
        for (int later = at + 1; later < s->length[job]; later++) {
            long load = s->machine_left[machine_of(s, job, later)];
            loaded += load * duration_of(s, job, later);
            bottleneck = at_least(bottleneck, load);
        }
    }
    for (int place = 0; place < s->waits[machine]; place++) {
        int other = queue_at(s, machine)[place];
        if (s->ready[other] < end) held += s->left[other];
    }
    f[0] = (double)duration;
    f[1] = (double)remaining;
    f[2] = s->length[job] - at;
    f[3] = (double)(s->total[job] - remaining);
    f[4] = (double)at_least(0, now - came);
    f[5] = (double)at_least(0, came - now);
    f[6] = has_next ? (double)duration_of(s, job, at + 1) : 0;
    f[7] = (double)next_queue;
    f[8] = has_next ? s->waits[next] : 0;
    f[9] = has_next ? (double)s->machine_left[next] : 0;
    f[10] = (double)bottleneck;
    f[11] = (double)(loaded / most);
    f[12] = (double)(held - remaining);
}

static int chosen_by(formula rule, const shop *s, int machine, long now, const int *queue, int count) {
    double features[FEATURES], best_value = 0;
    long most = 0, longest = 0, horizon = 0;
    int best = -1;
    for (int place = 0; place < s->machines; place++) {
        most = at_least(most, s->machine_left[place]);
        horizon = at_least(horizon, at_least(now, s->free[place]) + s->machine_left[place]);
    }
    for (int job = 0; job < s->jobs; job++) longest = at_least(longest, s->left[job]);
    horizon = at_least(horizon, now + longest);
    for (int place = 0; place < count; place++) {
        int job = queue[place];
        describe(s, machine, now, job, most, features);
        features[13] = (double)at_least(0, horizon - now - s->left[job]);
        features[14] = (double)s->machine_left[machine];
        features[15] = count;
        features[16] = (double)now;
        double value = value_of(rule, features);
        if (best < 0 || value > best_value) best = job, best_value = value;
    }
    return best;
}

long solve(const formula *rules, const double *instance) {
    shop s = opened(instance);
    int *choices = room_for((size_t)s.jobs, sizeof *choices), widest = 0;
    for (int job = 0; job < s.jobs; job++) widest = s.length[job] > widest ? s.length[job] : widest;
    long *starts = room_for((size_t)(s.jobs * widest), sizeof *starts), end = 0;
    for (int done = 0; done < s.operations; done++) {
        long now = 0;
        int machine = soonest(&s, &now), count = may_choose(&s, machine, now, choices);
        int job = count == 1 ? choices[0] : chosen_by(rules[0], &s, machine, now, choices, count);
        int at = s.step[job]++, *queue = queue_at(&s, machine), left = 0;
        long start = at_least(now, s.ready[job]), duration = duration_of(&s, job, at);
        starts[job * widest + at] = start;
        s.free[machine] = s.ready[job] = start + duration;
        end = at_least(end, start + duration);
        s.left[job] -= duration;
        s.machine_left[machine] -= duration;
        for (int place = 0; place < s.waits[machine]; place++) {
            if (queue[place] != job) queue[left++] = queue[place];
        }
        s.waits[machine] = left;
        if (at + 1 < s.length[job]) {
            int next = machine_of(&s, job, at + 1);
            queue_at(&s, next)[s.waits[next]++] = job;
        }
    }
    for (int job = 0; job < s.jobs; job++) {
        for (int at = 0; at < s.length[job]; at++) put(starts[job * widest + at]);
    }
    return end;
}
