/* Serial schedule generation: see ../drivers/rcpsp.py. An instance: activities, resources, capacities, then per activity
 * its duration, its demands, the number of its successors and the successors, all of them later activities. */
#include "engine.h"

/* As ../rcpsp.py lists them. */
enum { DURATION, SUCCESSORS, ALL_SUCCESSORS, TAIL, RANK_WEIGHT, ALL_WEIGHT, EARLIEST, START, LATEST, SLACK, DEMAND, PEAK,
       ENERGY, NEXT_DEMAND, END, ELIGIBLE, LEFT, FEATURES };

typedef struct {
    int activities, resources;
    long horizon;
    long *capacity, *duration, *earliest, *start, *free; /* free: [resource][time] */
    long *demand;                                        /* [activity][resource] */
    int *followers, *missing;
    const double **follower;
    double *fixed; /* [activity][FEATURES] */
} project;

static project opened(const double *data) {
    project p = {.activities = (int)data[0], .resources = (int)data[1]};
    size_t n = (size_t)p.activities, r = (size_t)p.resources;
    p.capacity = room_for(r, sizeof *p.capacity);
    p.duration = room_for(n, sizeof *p.duration);
    p.earliest = room_for(n, sizeof *p.earliest);
    p.start = room_for(n, sizeof *p.start);
    p.demand = room_for(n * r, sizeof *p.demand);
    p.followers = room_for(n, sizeof *p.followers);
    p.missing = room_for(n, sizeof *p.missing);
    p.follower = room_for(n, sizeof *p.follower);
    p.fixed = room_for(n * FEATURES, sizeof *p.fixed);
    data += 2;
    for (int resource = 0; resource < p.resources; resource++) p.capacity[resource] = (long)*data++;
    p.horizon = 1;
    for (int activity = 0; activity < p.activities; activity++) {
        p.duration[activity] = (long)*data++;
        p.horizon += p.duration[activity];
        for (int resource = 0; resource < p.resources; resource++) {
            p.demand[activity * p.resources + resource] = (long)*data++;
        }
        p.followers[activity] = (int)*data++;
        p.follower[activity] = data;
        data += p.followers[activity];
    }
    p.free = room_for(r * (size_t)p.horizon, sizeof *p.free);
    for (int resource = 0; resource < p.resources; resource++) {
        for (long time = 0; time < p.horizon; time++) p.free[resource * p.horizon + time] = p.capacity[resource];
    }
    return p;
}

static void set_shares(project *p, int activity) {
    double *f = p->fixed + activity * FEATURES;
    long sum = 0, peak = 0;
    for (int resource = 0; resource < p->resources; resource++) {
        long share = 1000 * p->demand[activity * p->resources + resource] / p->capacity[resource];
        sum += share;
        peak = at_least(peak, share);
    }
    f[DEMAND] = (double)sum;
    f[PEAK] = (double)peak;
    f[ENERGY] = (double)(p->duration[activity] * sum / 1000);
}

static void set_features(project *p) {
    int n = p->activities;
    long *head = room_for((size_t)n, sizeof *head), critical = 0;
    char *after = room_for((size_t)n * (size_t)n, 1);
    for (int activity = n - 1; activity >= 0; activity--) {
        double *f = p->fixed + activity * FEATURES, tail = 0, weight = (double)p->duration[activity];
        set_shares(p, activity);
        for (int place = 0; place < p->followers[activity]; place++) {
            int next = (int)p->follower[activity][place];
            const double *of = p->fixed + next * FEATURES;
            if (of[TAIL] + (double)p->duration[next] > tail) tail = of[TAIL] + (double)p->duration[next];
            weight += (double)p->duration[next];
            f[NEXT_DEMAND] += of[DEMAND];
            after[activity * n + next] = 1;
            for (int later = 0; later < n; later++) after[activity * n + later] |= after[next * n + later];
            p->missing[next]++;
        }
        f[DURATION] = (double)p->duration[activity];
        f[SUCCESSORS] = p->followers[activity];
        f[TAIL] = tail;
        f[RANK_WEIGHT] = weight;
        f[ALL_WEIGHT] = (double)p->duration[activity];
        for (int later = 0; later < n; later++) {
            f[ALL_SUCCESSORS] += after[activity * n + later];
            f[ALL_WEIGHT] += after[activity * n + later] * (double)p->duration[later];
        }
    }
    for (int activity = 0; activity < n; activity++) {
        for (int place = 0; place < p->followers[activity]; place++) {
            int next = (int)p->follower[activity][place];
            head[next] = at_least(head[next], head[activity] + p->duration[activity]);
        }
        long through = head[activity] + p->duration[activity] + (long)p->fixed[activity * FEATURES + TAIL];
        critical = at_least(critical, through);
    }
    for (int activity = 0; activity < n; activity++) {
        double *f = p->fixed + activity * FEATURES;
        f[LATEST] = (double)critical - f[TAIL] - f[DURATION];
        f[SLACK] = f[LATEST] - (double)head[activity];
    }
}

static long first_fit(const project *p, int activity, long start) {
    const long *need = p->demand + activity * p->resources;
    for (long time = start; time < start + p->duration[activity]; time++) {
        for (int resource = 0; resource < p->resources; resource++) {
            if (need[resource] && p->free[resource * p->horizon + time] < need[resource]) {
                start = time + 1;
                break;
            }
        }
    }
    return start;
}

long solve(const formula *rules, const double *instance) {
    project p = opened(instance);
    set_features(&p);
    int n = p.activities;
    char *done = room_for((size_t)n, 1);
    long *place = room_for((size_t)n, sizeof *place), end = 0;
    for (int activity = 0; activity < n; activity++) place[activity] = -1;
    for (int left = n; left > 0; left--) {
        int best = -1, eligible = 0;
        double best_value = 0;
        for (int activity = 0; activity < n; activity++) eligible += !done[activity] && !p.missing[activity];
        for (int activity = 0; activity < n; activity++) {
            if (done[activity] || p.missing[activity]) continue;
            if (place[activity] < 0) place[activity] = first_fit(&p, activity, p.earliest[activity]);
            double *f = p.fixed + activity * FEATURES;
            f[EARLIEST] = (double)p.earliest[activity];
            f[START] = (double)place[activity];
            f[END] = (double)end;
            f[ELIGIBLE] = eligible;
            f[LEFT] = left;
            double value = value_of(rules[0], f);
            if (best < 0 || value > best_value) best = activity, best_value = value;
        }
        long start = place[best], until = start + p.duration[best];
        done[best] = 1;
        p.start[best] = start;
        end = at_least(end, until);
        for (int resource = 0; resource < p.resources; resource++) {
            for (long time = start; time < until; time++) {
                p.free[resource * p.horizon + time] -= p.demand[best * p.resources + resource];
            }
        }
        /* Capacity only shrinks, so a place stays the first one unless the new activity stands in it. */
        for (int activity = 0; activity < n; activity++) {
            if (done[activity] || place[activity] < 0) continue;
            if (place[activity] < until && start < place[activity] + p.duration[activity]) {
                place[activity] = first_fit(&p, activity, place[activity]);
            }
        }
        for (int at = 0; at < p.followers[best]; at++) {
            int next = (int)p.follower[best][at];
            p.earliest[next] = at_least(p.earliest[next], until);
            p.missing[next]--;
        }
    }
    for (int activity = 0; activity < n; activity++) put(p.start[activity]);
    return end;
}
