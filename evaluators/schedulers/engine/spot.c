/* Spot capacity under a deadline: see ../drivers/spot.py, and ../spot.py for the guard. An instance: work, deadline,
 * restart, the prices, then the trace, a tick at a time. The formula sees of the trace what has come. */
#include "engine.h"

enum { WAIT, SPOT, DEMAND };
/* As ../spot.py lists them. */
enum { IS_SPOT, IS_DEMAND, IS_SAME, RESTART, PRICE, LEFT, TIME, SLACK, BEHIND, HAS_SPOT, LASTED, UP, SEEN, CHANGES, OVER,
       WORK, DEADLINE, FEATURES };

typedef struct {
    int done, running, restart;
} position;

static position after(position now, int choice, int over) {
    if (choice == WAIT) return (position){now.done, WAIT, 0};
    int left = choice == now.running ? now.restart : over;
    return (position){now.done + (left == 0), choice, left ? left - 1 : 0};
}

static int is_safe(position now, int choice, int work, int over, int left) {
    position then = after(now, choice, over);
    return work - then.done + (then.running == DEMAND ? then.restart : over) <= left;
}

static int chosen_by(formula rule, position now, const double *prices, double *f) {
    int best = -1;
    double best_value = 0;
    for (int option = WAIT; option <= DEMAND; option++) {
        if (option == SPOT && f[HAS_SPOT] == 0) continue;
        f[IS_SPOT] = option == SPOT;
        f[IS_DEMAND] = option == DEMAND;
        f[IS_SAME] = option == now.running;
        f[RESTART] = option == WAIT ? 0 : option == now.running ? now.restart : f[OVER];
        f[PRICE] = option == WAIT ? 0 : prices[option - SPOT];
        double value = value_of(rule, f);
        if (best < 0 || value > best_value) best = option, best_value = value;
    }
    return best;
}

long solve(const formula *rules, const double *instance) {
    int work = (int)instance[0], deadline = (int)instance[1], over = (int)instance[2], last = -1;
    const double *prices = instance + 3, *trace = instance + 5;
    double f[FEATURES] = {0};
    position now = {0, WAIT, 0};
    double paid = 0;
    f[OVER] = over;
    f[WORK] = work;
    f[DEADLINE] = deadline;
    for (int tick = 0; tick < deadline && now.done < work; tick++) {
        int has_spot = trace[tick] != 0, choice = DEMAND, left = deadline - tick - 1;
        if (now.running == SPOT && !has_spot) now.running = WAIT, now.restart = 0;
        int may_wait = is_safe(now, WAIT, work, over, left);
        int may_spot = has_spot && is_safe(now, SPOT, work, over, left);
        if (may_wait || may_spot) {
            /* Ticks without a question went on demand: what was available then was not told. */
            if (has_spot != last) {
                f[CHANGES] += last >= 0;
                f[LASTED] = 0;
            }
            last = has_spot;
            f[LASTED]++;
            f[UP] += has_spot;
            f[SEEN]++;
            f[LEFT] = work - now.done;
            f[TIME] = deadline - tick;
            f[SLACK] = f[TIME] - f[LEFT] - (now.running == DEMAND ? now.restart : over);
            f[BEHIND] = (double)(tick * work) / deadline - now.done;
            f[HAS_SPOT] = has_spot;
            int wanted = chosen_by(rules[0], now, prices, f);
            put(wanted);
            if ((wanted == WAIT && may_wait) || (wanted == SPOT && may_spot)) choice = wanted;
        }
        now = after(now, choice, over);
        if (choice != WAIT) paid += prices[choice - SPOT];
    }
    return (long)paid;
}
