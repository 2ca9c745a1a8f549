/* Costs nothing but arithmetic: reads instances once, then formulas, and answers with the decisions of the driver that
 * it was built with. No candidate's code runs here: a formula is data.
 *
 * Frames on descriptors 0 and 1 as in sandbox/channel.py. A question is doubles. `0, n, {length, numbers}`: n instances to
 * keep, answered by their number. `1, functions, {steps, {op, value}}, count, which ...`: answered by int32, per instance
 * 1 for doubtful, else 0, the count of numbers and the numbers; at the end the microseconds of CPU time. `2, ...`: the
 * same, with the cost as the only number.
 */
#include "engine.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_STEPS 512
#define MOST_FUNCTIONS 4
#define EXACT 9007199254740992.0

int doubtful;
static int32_t *answer;
static size_t answered, answer_room;
static char *arena;
static size_t arena_used, arena_size = 64u << 20;

static void give_up(void) { _exit(70); }

static void *grown(void *memory, size_t size) {
    void *more = realloc(memory, size);
    if (!more) give_up();
    return more;
}

void put(long number) {
    if (answered == answer_room) {
        answer_room = answer_room ? 2 * answer_room : 1 << 16;
        answer = grown(answer, answer_room * sizeof *answer);
    }
    answer[answered++] = (int32_t)number;
}

void *room_for(size_t count, size_t size) {
    size_t wanted = (count * size + 15) & ~(size_t)15;
    if (wanted > arena_size - arena_used) give_up();
    void *memory = arena + arena_used;
    arena_used += wanted;
    return memset(memory, 0, wanted);
}

static double combined(enum op op, double one, double other) {
    switch (op) {
    case ADD: return one + other;
    case SUB: return one - other;
    case MUL: return one * other;
    case DIV:
        if (other == 0) doubtful = 1;
        return other == 0 ? 0 : one / other;
    case MIN: return other < one ? other : one;
    default: return other > one ? other : one;
    }
}

static double changed(enum op op, double one) {
    switch (op) {
    case NEG: return -one;
    case ABS: return fabs(one);
    case LOG:
        if (one <= 0) doubtful = 1;
        return one <= 0 ? 0 : log(one);
    default:
        if (one < 0) doubtful = 1;
        return one < 0 ? 0 : sqrt(one);
    }
}

double value_of(formula rule, const double *features) {
    double stack[MOST_STEPS], *top = stack - 1;
    for (const step *now = rule.steps; now < rule.steps + rule.length; now++) {
        switch (now->op) {
        case NUMBER: *++top = now->value; continue;
        case FEATURE: *++top = features[(int)now->value]; continue;
        case LESS: case EQUAL:
            top -= 3;
            *top = (now->op == LESS ? top[0] < top[1] : top[0] == top[1]) ? top[2] : top[3];
            continue;
        case NEG: case ABS: case LOG: case SQRT: *top = changed(now->op, *top); break;
        default: top--; *top = combined(now->op, top[0], top[1]);
        }
        if (!(fabs(*top) <= EXACT)) doubtful = 1;
    }
    return *top;
}

/* ------------------------------------------------------------ questions */

static int read_all(void *to, size_t count) {
    for (char *place = to; count;) {
        ssize_t got = read(0, place, count);
        if (got <= 0) return 0;
        place += got;
        count -= (size_t)got;
    }
    return 1;
}

static void write_all(const void *from, size_t count) {
    for (const char *place = from; count;) {
        ssize_t put_out = write(1, place, count);
        if (put_out <= 0) give_up();
        place += put_out;
        count -= (size_t)put_out;
    }
}

static double **instances;
static size_t kept;

static void keep(const double *numbers) {
    size_t count = (size_t)numbers[1];
    const double *next = numbers + 2;
    instances = grown(instances, (kept + count) * sizeof *instances);
    for (size_t number = 0; number < count; number++) {
        size_t length = (size_t)*next++;
        double *copy = grown(NULL, (length + 1) * sizeof *copy);
        memcpy(copy, next, length * sizeof *copy);
        instances[kept++] = copy;
        next += length;
    }
    put((long)kept);
}

static void play(const double *numbers) {
    static step steps[MOST_FUNCTIONS][MOST_STEPS];
    formula rules[MOST_FUNCTIONS];
    size_t functions = (size_t)numbers[1];
    const double *next = numbers + 2;
    if (functions > MOST_FUNCTIONS) give_up();
    for (size_t function = 0; function < functions; function++) {
        int length = (int)*next++;
        if (length > MOST_STEPS) give_up();
        for (int place = 0; place < length; place++, next += 2) {
            steps[function][place] = (step){(enum op)next[0], next[1]};
        }
        rules[function] = (formula){length, steps[function]};
    }
    struct timespec began, ended;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    size_t count = (size_t)*next++;
    for (size_t number = 0; number < count; number++) {
        size_t which = (size_t)*next++, head = answered;
        if (which >= kept) give_up();
        put(0);
        put(0);
        doubtful = 0;
        arena_used = 0;
        long cost = solve(rules, instances[which]);
        if (numbers[0] == 2) {
            answered = head + 2;
            put(cost);
        }
        answer[head] = doubtful;
        answer[head + 1] = (int32_t)(answered - head - 2);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    put((ended.tv_sec - began.tv_sec) * 1000000L + (ended.tv_nsec - began.tv_nsec) / 1000);
}

struct head {
    char magic[4];
    unsigned char nonce[16];
    uint32_t length;
} __attribute__((packed));

int main(void) {
    struct head head;
    double *question = NULL;
    size_t room = 0;
    arena = grown(NULL, arena_size);
    while (read_all(&head, sizeof head)) {
        if (head.length > room) question = grown(question, room = head.length);
        if (!read_all(question, head.length)) break;
        answered = 0;
        if (question[0] == 0) keep(question);
        else play(question);
        head.length = (uint32_t)(answered * sizeof *answer);
        write_all(&head, sizeof head);
        write_all(answer, head.length);
    }
    return 0;
}
