/* List scheduling on unlike processors: see ../drivers/hetdag.py. An instance: tasks, processors, edges, then per task its
 * times on the processors, then the edges as (from, to, transfer), from < to. */
#include "engine.h"

#include <math.h>
#include <string.h>

/* As ../hetdag.py lists them. */
enum { UPWARD, UPWARD_LEAST, DOWNWARD, MEAN_OCT, MEAN_COST, LEAST_COST, MOST_COST, CHILDREN, PARENTS, DATA_OUT, DATA_IN,
       READY, LEVEL, OF_RANK };
enum { FINISH, BEGIN, APPEND_FINISH, COST, LEAST, MEAN, OCT, AHEAD, ARRIVAL, FREE, LOAD, DATA_HERE, OUT, UP, END,
       OF_PLACE };

typedef struct {
    long begin, end;
} span;

typedef struct {
    int tasks, processors, edges;
    long *cost, *oct;     /* [task][processor] */
    const double *edge;   /* (from, to, transfer) */
    double *fixed;        /* [task][OF_RANK] */
    int *where, *missing, *spans;
    long *end, *load;
    span *lane;           /* [processor][tasks], sorted */
} graph;

static long cost_of(const graph *g, int task, int processor) { return g->cost[task * g->processors + processor]; }

static graph opened(const double *data) {
    graph g = {.tasks = (int)data[0], .processors = (int)data[1], .edges = (int)data[2]};
    size_t n = (size_t)g.tasks, p = (size_t)g.processors;
    g.cost = room_for(n * p, sizeof *g.cost);
    g.oct = room_for(n * p, sizeof *g.oct);
    g.fixed = room_for(n * OF_RANK, sizeof *g.fixed);
    g.where = room_for(n, sizeof *g.where);
    g.missing = room_for(n, sizeof *g.missing);
    g.end = room_for(n, sizeof *g.end);
    g.load = room_for(p, sizeof *g.load);
    g.spans = room_for(p, sizeof *g.spans);
    g.lane = room_for(n * p, sizeof *g.lane);
    for (size_t place = 0; place < n * p; place++) g.cost[place] = (long)data[3 + place];
    g.edge = data + 3 + n * p;
    for (int task = 0; task < g.tasks; task++) g.where[task] = -1;
    return g;
}

/* Of one edge; edges are in any order, so that whoever goes along paths looks for those of a task. */
static int from(const graph *g, int edge) { return (int)g->edge[3 * edge]; }
static int to(const graph *g, int edge) { return (int)g->edge[3 * edge + 1]; }
static long transfer(const graph *g, int edge) { return (long)g->edge[3 * edge + 2]; }

static void set_optimistic(graph *g, int task, int edge) {
    int child = to(g, edge);
    for (int here = 0; here < g->processors; here++) {
        long best = -1;
        for (int other = 0; other < g->processors; other++) {
            long then = g->oct[child * g->processors + other] + cost_of(g, child, other);
            if (other != here) then += transfer(g, edge);
            if (best < 0 || then < best) best = then;
        }
        long *known = g->oct + task * g->processors + here;
        *known = at_least(*known, best);
    }
}

static double share(long sum, int processors) { return nearbyint((double)sum / processors); }

static void set_costs(graph *g, int task) {
    double *f = g->fixed + task * OF_RANK;
    long sum = 0, oct = 0, least = cost_of(g, task, 0), most = least;
    for (int processor = 0; processor < g->processors; processor++) {
        long cost = cost_of(g, task, processor);
        sum += cost;
        oct += g->oct[task * g->processors + processor];
        least = cost < least ? cost : least;
        most = at_least(most, cost);
    }
    f[MEAN_COST] = (double)sum; /* shares of sums are taken at the end */
    f[MEAN_OCT] = share(oct, g->processors);
    f[LEAST_COST] = (double)least;
    f[MOST_COST] = (double)most;
}

static void set_features(graph *g) {
    int p = g->processors;
    for (int task = g->tasks - 1; task >= 0; task--) {
        double *f = g->fixed + task * OF_RANK;
        for (int edge = 0; edge < g->edges; edge++) {
            if (from(g, edge) != task) continue;
            const double *child = g->fixed + to(g, edge) * OF_RANK;
            long way = transfer(g, edge);
            f[UPWARD] = fmax(f[UPWARD], (double)(way * p) + child[UPWARD]);
            f[UPWARD_LEAST] = fmax(f[UPWARD_LEAST], (double)way + child[UPWARD_LEAST]);
            f[CHILDREN]++;
            f[DATA_OUT] += (double)way;
            set_optimistic(g, task, edge);
        }
        set_costs(g, task);
        f[UPWARD] += f[MEAN_COST];
        f[UPWARD_LEAST] += f[LEAST_COST];
    }
    for (int task = 0; task < g->tasks; task++) {
        double *f = g->fixed + task * OF_RANK;
        for (int edge = 0; edge < g->edges; edge++) {
            if (to(g, edge) != task) continue;
            const double *parent = g->fixed + from(g, edge) * OF_RANK;
            long way = transfer(g, edge);
            f[DOWNWARD] = fmax(f[DOWNWARD], parent[DOWNWARD] + parent[MEAN_COST] + (double)(way * p));
            f[LEVEL] = fmax(f[LEVEL], parent[LEVEL] + 1);
            f[PARENTS]++;
            f[DATA_IN] += (double)way;
            g->missing[task]++;
        }
    }
    for (int task = 0; task < g->tasks; task++) {
        double *f = g->fixed + task * OF_RANK;
        f[UPWARD] = share((long)f[UPWARD], p);
        f[DOWNWARD] = share((long)f[DOWNWARD], p);
        f[MEAN_COST] = share((long)f[MEAN_COST], p);
    }
}

static long arrival(const graph *g, int task, int processor, long *saved) {
    long latest = 0;
    *saved = 0;
    for (int edge = 0; edge < g->edges; edge++) {
        if (to(g, edge) != task) continue;
        int parent = from(g, edge), is_here = g->where[parent] == processor;
        if (is_here) *saved += transfer(g, edge);
        latest = at_least(latest, g->end[parent] + (is_here ? 0 : transfer(g, edge)));
    }
    return latest;
}

static long first_gap(const graph *g, int processor, long start, long cost) {
    const span *lane = g->lane + processor * g->tasks;
    for (int place = 0; place < g->spans[processor]; place++) {
        if (start + cost <= lane[place].begin) return start;
        start = at_least(start, lane[place].end);
    }
    return start;
}

static long free_at(const graph *g, int processor) {
    int count = g->spans[processor];
    return count ? g->lane[processor * g->tasks + count - 1].end : 0;
}

static long look_ahead(const graph *g, int task, int processor, long finish) {
    long latest = finish;
    for (int edge = 0; edge < g->edges; edge++) {
        if (from(g, edge) != task) continue;
        long best = -1;
        for (int other = 0; other < g->processors; other++) {
            long come = finish + (other == processor ? 0 : transfer(g, edge));
            long end = at_least(come, free_at(g, other)) + cost_of(g, to(g, edge), other);
            if (best < 0 || end < best) best = end;
        }
        latest = at_least(latest, best);
    }
    return latest;
}

/* The processor for the task; its start, in *begin. */
static int placed_by(formula rule, const graph *g, int task, long end, long *begin) {
    const double *fixed = g->fixed + task * OF_RANK;
    double f[OF_PLACE], best_value = 0;
    int best = -1;
    for (int processor = 0; processor < g->processors; processor++) {
        long cost = cost_of(g, task, processor), free = free_at(g, processor), saved;
        long come = arrival(g, task, processor, &saved), start = first_gap(g, processor, come, cost);
        f[FINISH] = (double)(start + cost);
        f[BEGIN] = (double)start;
        f[APPEND_FINISH] = (double)(at_least(free, come) + cost);
        f[COST] = (double)cost;
        f[LEAST] = fixed[LEAST_COST];
        f[MEAN] = fixed[MEAN_COST];
        f[OCT] = (double)g->oct[task * g->processors + processor];
        f[AHEAD] = (double)look_ahead(g, task, processor, start + cost);
        f[ARRIVAL] = (double)come;
        f[FREE] = (double)free;
        f[LOAD] = (double)g->load[processor];
        f[DATA_HERE] = (double)saved;
        f[OUT] = fixed[DATA_OUT];
        f[UP] = fixed[UPWARD];
        f[END] = (double)end;
        double value = value_of(rule, f);
        if (best < 0 || value > best_value) best = processor, best_value = value, *begin = start;
    }
    return best;
}

static void occupy(graph *g, int processor, span busy) {
    span *lane = g->lane + processor * g->tasks;
    int place = g->spans[processor]++;
    for (; place && lane[place - 1].begin > busy.begin; place--) lane[place] = lane[place - 1];
    lane[place] = busy;
}

static double ranked(formula rule, graph *g, int task) {
    long last = 0;
    for (int edge = 0; edge < g->edges; edge++) {
        if (to(g, edge) == task) last = at_least(last, g->end[from(g, edge)]);
    }
    g->fixed[task * OF_RANK + READY] = (double)last;
    return value_of(rule, g->fixed + task * OF_RANK);
}

long solve(const formula *rules, const double *instance) {
    graph g = opened(instance);
    set_features(&g);
    size_t n = (size_t)g.tasks;
    double *rank = room_for(n, sizeof *rank);
    char *is_ready = room_for(n, 1);
    long *start = room_for(n, sizeof *start), end = 0;
    for (int task = 0; task < g.tasks; task++) {
        if (!g.missing[task]) is_ready[task] = 1, rank[task] = ranked(rules[0], &g, task);
    }
    for (int left = g.tasks; left; left--) {
        int task = -1;
        for (int other = 0; other < g.tasks; other++) {
            if (is_ready[other] && (task < 0 || rank[other] > rank[task])) task = other;
        }
        is_ready[task] = 0;
        int processor = placed_by(rules[1], &g, task, end, &start[task]);
        long cost = cost_of(&g, task, processor);
        g.where[task] = processor;
        g.end[task] = start[task] + cost;
        g.load[processor] += cost;
        end = at_least(end, g.end[task]);
        occupy(&g, processor, (span){start[task], g.end[task]});
        for (int edge = 0; edge < g.edges; edge++) {
            int child = to(&g, edge);
            if (from(&g, edge) == task && --g.missing[child] == 0) {
                is_ready[child] = 1;
                rank[child] = ranked(rules[0], &g, child);
            }
        }
    }
    for (int task = 0; task < g.tasks; task++) put(g.where[task]), put(start[task]);
    return end;
}
