/* Evaluates gate netlists on many input vectors at once, and proves two of them equal by trying every input.
 *
 * A shared library of the trusted side: it is given numbers (never text) of netlists that were read from a synthesis
 * tool's output, checks every one of them, and does no input or output. Wide words: one operation serves 512 vectors.
 *
 * The proof first makes the two netlists one network (equal gates once), covers it with functions of three inputs, and
 * then steps through the inputs in Gray-code order: each step changes one input, and only what depends on it is
 * computed again. The inputs that reach most lie in the lanes of the wide words; of the others, those that reach least
 * change most often.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 2                        /* wide words per net and step */
#define LANE_BITS (9 + (BLOCK / 2))    /* 512 lanes per wide word: BLOCK 1, 2 */
#define MOST_INPUTS 36
#define MOST_CUTS 6
#define KINDS 11

enum { OK = 0, DIFFERS = 1, BAD_NETLIST = -1, NO_MEMORY = -2, TOO_WIDE = -3 };

typedef uint64_t wide __attribute__((vector_size(64)));
struct gate { uint32_t kind, a, b, c, out; };
struct op { uint32_t out, a, b, c; };
struct run { uint32_t table, count; };

/* Truth tables over three inputs: bit (a << 2 | b << 1 | c). Order: NOT AND OR XOR NAND NOR XNOR ANDNOT ORNOT MUX BUF */
static const uint8_t TABLES[KINDS] = {0x0F, 0xC0, 0xFC, 0x3C, 0x3F, 0x03, 0xC3, 0x30, 0xF3, 0xD8, 0xF0};
static const uint8_t ARITY[KINDS] = {1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 1};

/* Whether the gates are in topological order, drive each net once, and name only nets that exist. */
static int check_gates(const struct gate *gates, uint32_t count, uint32_t nets, const uint32_t *in, uint32_t inputs) {
    if (nets < 2) return BAD_NETLIST;
    uint8_t *known = calloc(nets, 1);
    if (known == NULL) return NO_MEMORY;
    int verdict = OK;
    known[0] = known[1] = 1;
    for (uint32_t i = 0; i < inputs && verdict == OK; i++) {
        if (in[i] >= nets || known[in[i]]) verdict = BAD_NETLIST;
        else known[in[i]] = 1;
    }
    for (uint32_t i = 0; i < count && verdict == OK; i++) {
        const struct gate *g = &gates[i];
        if (g->kind >= KINDS || g->a >= nets || g->b >= nets || g->c >= nets || g->out >= nets || known[g->out])
            verdict = BAD_NETLIST;
        else if (!known[g->a] || (ARITY[g->kind] > 1 && !known[g->b]) || (ARITY[g->kind] > 2 && !known[g->c]))
            verdict = BAD_NETLIST;
        else known[g->out] = 1;
    }
    free(known);
    return verdict;
}

static wide apply(uint32_t kind, wide a, wide b, wide c) {
    switch (kind) {
    case 0: return ~a;
    case 1: return a & b;
    case 2: return a | b;
    case 3: return a ^ b;
    case 4: return ~(a & b);
    case 5: return ~(a | b);
    case 6: return ~(a ^ b);
    case 7: return a & ~b;
    case 8: return a | ~b;
    case 9: return (b & c) | (a & ~c);
    default: return a;
    }
}

/* Simulates `words` 64-bit words of vectors; stimulus is [inputs][words], response [outputs][words]. The netlist as it
 * stands is what is simulated: nothing of the proof's preparation has a part in it. */
int nf_simulate(const struct gate *gates, uint32_t count, uint32_t nets, const uint32_t *in, uint32_t inputs,
                const uint32_t *out, uint32_t outputs, const uint64_t *stimulus, uint64_t words, uint64_t *response) {
    int verdict = check_gates(gates, count, nets, in, inputs);
    for (uint32_t i = 0; i < outputs && verdict == OK; i++)
        if (out[i] >= nets) verdict = BAD_NETLIST;
    if (verdict != OK) return verdict;
    wide *values = aligned_alloc(64, (size_t)nets * sizeof(wide));
    if (values == NULL) return NO_MEMORY;
    memset(values, 0, (size_t)nets * sizeof(wide));
    values[1] = ~values[0];
    for (uint64_t at = 0; at < words; at += 8) {
        size_t bytes = (size_t)(words - at < 8 ? words - at : 8) * 8;
        for (uint32_t i = 0; i < inputs; i++) memcpy(&values[in[i]], stimulus + (uint64_t)i * words + at, bytes);
        for (uint32_t i = 0; i < count; i++) {
            const struct gate *g = &gates[i];
            values[g->out] = apply(g->kind, values[g->a], values[g->b], values[g->c]);
        }
        for (uint32_t i = 0; i < outputs; i++) memcpy(response + (uint64_t)i * words + at, &values[out[i]], bytes);
    }
    free(values);
    return OK;
}

/* ---- the network of three-input functions ---- */

struct cut { uint8_t table, size; float flow; uint32_t leaf[3]; };
struct node { uint8_t table, size; uint32_t leaf[3]; };

struct plan {
    struct node *nodes; /* 0 and 1 are the constants, then the inputs, then functions in topological order */
    uint32_t count, inputs, pairs, steps_log2;
    uint32_t *left, *right;       /* nodes that must be equal */
    uint32_t order[MOST_INPUTS];  /* position (lanes first, then Gray bits) -> input */
    struct op *ops[MOST_INPUTS + 1];   /* per Gray bit what to compute again; the last: everything */
    struct run *runs[MOST_INPUTS + 1];
    uint32_t run_count[MOST_INPUTS + 1];
    uint32_t *watched[MOST_INPUTS + 1]; /* pairs to compare */
    uint32_t watched_count[MOST_INPUTS + 1];
};

static uint8_t swap_inputs(uint8_t table, int x, int y) {
    uint8_t swapped = 0;
    for (int i = 0; i < 8; i++) {
        int p = 2 - x, q = 2 - y, bits = (i >> p & 1) != (i >> q & 1) ? i ^ (1 << p) ^ (1 << q) : i;
        swapped |= (uint8_t)((table >> bits & 1) << i);
    }
    return swapped;
}

static uint8_t fix_input(uint8_t table, int x, int value) {
    uint8_t fixed = 0;
    int bit = 1 << (2 - x);
    for (int i = 0; i < 8; i++) fixed |= (uint8_t)((table >> (value ? i | bit : i & ~bit) & 1) << i);
    return fixed;
}

/* Constants and repeated inputs folded in, inputs that do not matter dropped, the others in ascending order. */
static void normalise(struct node *n) {
    for (int x = 0; x < 3; x++) {
        if (x < n->size && n->leaf[x] < 2) n->table = fix_input(n->table, x, (int)n->leaf[x]);
        for (int y = 0; y < x && x < n->size; y++)
            if (n->leaf[x] == n->leaf[y]) {
                uint8_t low = fix_input(fix_input(n->table, x, 0), y, 0), high = fix_input(fix_input(n->table, x, 1), y, 1);
                uint8_t mask = (uint8_t[]){0xF0, 0xCC, 0xAA}[y];
                n->table = (uint8_t)((low & ~mask) | (high & mask));
            }
    }
    int kept = 0;
    for (int x = 0; x < n->size; x++) {
        if (fix_input(n->table, x, 0) == fix_input(n->table, x, 1)) continue;
        if (x != kept) n->table = swap_inputs(n->table, x, kept), n->leaf[kept] = n->leaf[x];
        kept++;
    }
    n->size = (uint8_t)kept;
    for (int x = kept; x < 3; x++) n->leaf[x] = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int x = 0; x + 1 < kept; x++)
            if (n->leaf[x] > n->leaf[x + 1]) {
                uint32_t leaf = n->leaf[x];
                n->leaf[x] = n->leaf[x + 1], n->leaf[x + 1] = leaf;
                n->table = swap_inputs(n->table, x, x + 1);
            }
}

static uint64_t node_key(const struct node *n) {
    uint64_t key = n->table;
    for (int x = 0; x < 3; x++) key = (key ^ n->leaf[x]) * 0x9E3779B97F4A7C15ull, key ^= key >> 29;
    return key;
}

static int same_node(const struct node *p, const struct node *q) {
    return p->table == q->table && p->size == q->size && memcmp(p->leaf, q->leaf, sizeof p->leaf) == 0;
}

/* The node that computes `wanted`: an older one when there is one. */
static uint32_t intern(struct plan *p, uint32_t *table, uint32_t mask, struct node wanted) {
    normalise(&wanted);
    if (wanted.size == 0) return wanted.table & 1;
    if (wanted.size == 1 && wanted.table == 0xF0) return wanted.leaf[0];
    uint32_t at = (uint32_t)(node_key(&wanted) & mask);
    for (; table[at] != 0; at = (at + 1) & mask)
        if (same_node(&p->nodes[table[at]], &wanted)) return table[at];
    p->nodes[p->count] = wanted;
    return table[at] = p->count++;
}

static int build_network(struct plan *p, const struct gate *gates, uint32_t count, uint32_t nets, const uint32_t *in,
                         const uint32_t *left, const uint32_t *right) {
    uint32_t slots = 64;
    while (slots < 2 * (count + p->inputs + 2)) slots *= 2;
    uint32_t *table = calloc(slots, sizeof *table), *node_of = calloc(nets, sizeof *node_of);
    int verdict = table == NULL || node_of == NULL ? NO_MEMORY : OK;
    if (verdict == OK) {
        p->count = 2 + p->inputs;
        node_of[1] = 1;
        for (uint32_t i = 0; i < p->inputs; i++) node_of[in[i]] = 2 + i;
        for (uint32_t i = 0; i < count; i++) {
            const struct gate *g = &gates[i];
            struct node wanted = {TABLES[g->kind], ARITY[g->kind], {node_of[g->a], node_of[g->b], node_of[g->c]}};
            node_of[g->out] = intern(p, table, slots - 1, wanted);
        }
        for (uint32_t i = 0; i < p->pairs; i++) p->left[i] = node_of[left[i]], p->right[i] = node_of[right[i]];
    }
    free(table);
    free(node_of);
    return verdict;
}

/* The table of `c` over the leaves of `wider`, which has all of its own. */
static uint8_t widen(const struct cut *c, const struct cut *wider) {
    uint8_t table = 0;
    for (int i = 0; i < 8; i++) {
        int inner = 0;
        for (int x = 0; x < c->size; x++)
            for (int y = 0; y < wider->size; y++)
                if (c->leaf[x] == wider->leaf[y] && (i >> (2 - y) & 1)) inner |= 1 << (2 - x);
        table |= (uint8_t)((c->table >> inner & 1) << i);
    }
    return table;
}

static int join(struct cut *into, const struct cut *part) {
    for (int x = 0; x < part->size; x++) {
        int y = 0;
        while (y < into->size && into->leaf[y] != part->leaf[x]) y++;
        if (y < into->size) continue;
        if (into->size == 3) return 0;
        into->leaf[into->size++] = part->leaf[x];
    }
    return 1;
}

static uint8_t compose(uint8_t outer, const uint8_t *inner, int size) {
    uint8_t table = 0;
    for (int i = 0; i < 8; i++) {
        int at = 0;
        for (int x = 0; x < size; x++) at |= (inner[x] >> i & 1) << (2 - x);
        table |= (uint8_t)((outer >> at & 1) << i);
    }
    return table;
}

static void keep_cut(struct cut *cuts, uint8_t *kept, struct cut found, const float *flow, const uint32_t *uses) {
    found.flow = 1;
    for (int x = 0; x < found.size; x++) found.flow += flow[found.leaf[x]] / (float)(uses[found.leaf[x]] + !uses[found.leaf[x]]);
    int at = *kept;
    while (at > 0 && cuts[at - 1].flow > found.flow) at--;
    if (at == MOST_CUTS) return;
    int last = *kept < MOST_CUTS ? (*kept)++ : MOST_CUTS - 1;
    memmove(&cuts[at + 1], &cuts[at], (size_t)(last - at) * sizeof *cuts);
    cuts[at] = found;
}

/* All cuts of up to three leaves (the cheapest few) that a node's inputs allow. */
static void find_cuts(const struct node *n, struct cut (*all)[MOST_CUTS + 1], uint8_t *kept, uint32_t me,
                      const float *flow, const uint32_t *uses) {
    int choice[3] = {0, 0, 0}, most[3];
    for (int x = 0; x < 3; x++) {
        most[x] = x < n->size ? kept[n->leaf[x]] + 1 : 1; /* the last one is the input itself */
        if (n->size == 3 && most[x] > 4) most[x] = 4;
    }
    kept[me] = 0;
    for (;;) {
        struct cut found = {0, 0, 0, {0, 0, 0}};
        struct cut part[3];
        int fits = 1;
        for (int x = 0; x < n->size && fits; x++) {
            uint32_t leaf = n->leaf[x];
            struct cut itself = {0xF0, 1, 0, {leaf, 0, 0}};
            part[x] = choice[x] == most[x] - 1 ? itself : all[leaf][choice[x]];
            fits = join(&found, &part[x]);
        }
        if (fits) {
            uint8_t inner[3];
            for (int x = 0; x < n->size; x++) inner[x] = widen(&part[x], &found);
            found.table = compose(n->table, inner, n->size);
            keep_cut(all[me], &kept[me], found, flow, uses);
        }
        int x = 0;
        while (x < 3 && ++choice[x] == most[x]) choice[x++] = 0;
        if (x == 3) return;
    }
}

/* Replaces nodes by wider functions; those that nothing needs any more get size 0. */
static int cover(struct plan *p) {
    struct cut (*cuts)[MOST_CUTS + 1] = calloc(p->count, sizeof *cuts);
    uint8_t *kept = calloc(p->count, 1), *needed = calloc(p->count, 1);
    float *flow = calloc(p->count, sizeof *flow);
    uint32_t *uses = calloc(p->count, sizeof *uses);
    int verdict = cuts && kept && needed && flow && uses ? OK : NO_MEMORY;
    uint32_t first = 2 + p->inputs;
    if (verdict == OK) {
        for (uint32_t i = first; i < p->count; i++)
            for (int x = 0; x < p->nodes[i].size; x++) uses[p->nodes[i].leaf[x]]++;
        for (uint32_t i = 0; i < p->pairs; i++) {
            if (p->left[i] == p->right[i]) continue; /* one node: equal by construction, and nothing to compute */
            uses[p->left[i]]++, uses[p->right[i]]++;
            needed[p->left[i]] = needed[p->right[i]] = 1;
        }
        for (uint32_t i = first; i < p->count; i++) {
            find_cuts(&p->nodes[i], cuts, kept, i, flow, uses);
            flow[i] = cuts[i][0].flow;
        }
        for (uint32_t i = p->count; i-- > first;) {
            const struct cut *best = &cuts[i][0];
            struct node chosen = {best->table, best->size, {best->leaf[0], best->leaf[1], best->leaf[2]}};
            if (!needed[i]) chosen.size = 0;
            for (int x = 0; x < chosen.size; x++) needed[chosen.leaf[x]] = 1;
            p->nodes[i] = chosen;
        }
    }
    free(cuts), free(kept), free(needed), free(flow), free(uses);
    return verdict;
}

/* ---- what each step computes ---- */

struct sorted { uint32_t level, table, node; };

static int by_level(const void *x, const void *y) {
    const struct sorted *p = x, *q = y;
    if (p->level != q->level) return p->level < q->level ? -1 : 1;
    if (p->table != q->table) return p->table < q->table ? -1 : 1;
    return p->node < q->node ? -1 : p->node > q->node;
}

static int make_list(struct plan *p, const struct sorted *all, uint32_t total, const uint64_t *reach, uint32_t slot, uint64_t mask) {
    struct op *ops = malloc((total + 1) * sizeof *ops);
    struct run *runs = malloc((total + 1) * sizeof *runs);
    uint32_t *watched = malloc((p->pairs + 1) * sizeof *watched);
    p->ops[slot] = ops, p->runs[slot] = runs, p->watched[slot] = watched;
    if (ops == NULL || runs == NULL || watched == NULL) return NO_MEMORY;
    uint32_t count = 0, last = 0, run_count = 0;
    for (uint32_t i = 0; i < total; i++) {
        const struct node *n = &p->nodes[all[i].node];
        if (!(reach[all[i].node] & mask)) continue;
        if (count == 0 || all[i].table != runs[run_count - 1].table || all[i].level != last)
            runs[run_count++] = (struct run){all[i].table, 0};
        runs[run_count - 1].count++;
        last = all[i].level;
        ops[count++] = (struct op){all[i].node, n->leaf[0], n->leaf[1], n->leaf[2]};
    }
    p->run_count[slot] = run_count;
    uint32_t watching = 0;
    for (uint32_t i = 0; i < p->pairs; i++)
        if (p->left[i] != p->right[i] && ((reach[p->left[i]] | reach[p->right[i]]) & mask || mask == ~0ull)) watched[watching++] = i;
    p->watched_count[slot] = watching;
    return OK;
}

/* Which input stands where: the longest reach in the lanes, the shortest changes most often. */
static void order_inputs(struct plan *p, const uint64_t *reach) {
    uint32_t cone[MOST_INPUTS] = {0};
    for (uint32_t i = 2 + p->inputs; i < p->count; i++)
        for (uint32_t x = 0; x < p->inputs && p->nodes[i].size; x++) cone[x] += (uint32_t)(reach[i] >> x & 1);
    for (uint32_t i = 0; i < p->inputs; i++) p->order[i] = i;
    for (uint32_t i = 1; i < p->inputs; i++)
        for (uint32_t j = i; j > 0 && cone[p->order[j]] > cone[p->order[j - 1]]; j--) {
            uint32_t moved = p->order[j];
            p->order[j] = p->order[j - 1], p->order[j - 1] = moved;
        }
    p->steps_log2 = p->inputs > LANE_BITS ? p->inputs - LANE_BITS : 0;
    for (uint32_t i = 0; i < p->steps_log2 / 2; i++) {
        uint32_t *low = &p->order[LANE_BITS + i], *high = &p->order[p->inputs - 1 - i], moved = *low;
        *low = *high, *high = moved;
    }
}

static int schedule(struct plan *p) {
    uint64_t *reach = calloc(p->count, sizeof *reach);
    uint32_t *level = calloc(p->count, sizeof *level);
    struct sorted *all = calloc(p->count, sizeof *all);
    int verdict = reach && level && all ? OK : NO_MEMORY;
    if (verdict == OK) {
        uint32_t total = 0;
        for (uint32_t i = 0; i < p->inputs; i++) reach[2 + i] = 1ull << i;
        for (uint32_t i = 2 + p->inputs; i < p->count; i++) {
            const struct node *n = &p->nodes[i];
            for (int x = 0; x < n->size; x++) {
                reach[i] |= reach[n->leaf[x]];
                if (level[n->leaf[x]] >= level[i]) level[i] = level[n->leaf[x]] + 1;
            }
            if (n->size) all[total++] = (struct sorted){level[i], n->table, i};
        }
        qsort(all, total, sizeof *all, by_level);
        order_inputs(p, reach);
        for (uint32_t bit = 0; bit < p->steps_log2 && verdict == OK; bit++)
            verdict = make_list(p, all, total, reach, bit, 1ull << p->order[LANE_BITS + bit]);
        if (verdict == OK) verdict = make_list(p, all, total, reach, MOST_INPUTS, ~0ull);
    }
    free(reach), free(level), free(all);
    return verdict;
}

/* ---- computing ---- */

#ifdef __AVX512F__
#include <immintrin.h>
#define TERNARY(T, a, b, c) ((wide)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), (T)))
#else
#define TWO(T, a, b) ((((T) & 1) ? ~(a) & ~(b) : (a) ^ (a)) | (((T) & 2) ? ~(a) & (b) : (a) ^ (a)) | \
                      (((T) & 4) ? (a) & ~(b) : (a) ^ (a)) | (((T) & 8) ? (a) & (b) : (a) ^ (a)))
#define FOUR(T, s) (((T) >> (s) & 1) | ((T) >> ((s) + 2) & 1) << 1 | ((T) >> ((s) + 4) & 1) << 2 | ((T) >> ((s) + 6) & 1) << 3)
#define TERNARY(T, a, b, c) ((TWO(FOUR(T, 1), a, b) & (c)) | (TWO(FOUR(T, 0), a, b) & ~(c)))
#endif

#define ONE_TABLE(T)                                                             \
    case (T):                                                                    \
        for (uint32_t i = 0; i < count; i++, op++) {                             \
            const wide *a = v + (size_t)op->a * BLOCK, *b = v + (size_t)op->b * BLOCK, *c = v + (size_t)op->c * BLOCK; \
            wide *o = v + (size_t)op->out * BLOCK;                               \
            for (int w = 0; w < BLOCK; w++) o[w] = TERNARY(T, a[w], b[w], c[w]); \
        }                                                                        \
        break;
#define FOUR_TABLES(T) ONE_TABLE(T) ONE_TABLE((T) + 1) ONE_TABLE((T) + 2) ONE_TABLE((T) + 3)
#define SIXTEEN_TABLES(T) FOUR_TABLES(T) FOUR_TABLES((T) + 4) FOUR_TABLES((T) + 8) FOUR_TABLES((T) + 12)
#define MANY_TABLES(T) SIXTEEN_TABLES(T) SIXTEEN_TABLES((T) + 16) SIXTEEN_TABLES((T) + 32) SIXTEEN_TABLES((T) + 48)

static void compute(wide *v, const struct op *op, const struct run *run, uint32_t runs) {
    for (; runs > 0; runs--, run++) {
        uint32_t count = run->count;
        switch (run->table) {
            MANY_TABLES(0) MANY_TABLES(64) MANY_TABLES(128) MANY_TABLES(192)
        }
    }
}

/* The lane of a difference between the watched pairs, or -1. */
static int64_t difference(const struct plan *p, const wide *v, uint32_t slot) {
    wide any[BLOCK];
    memset(any, 0, sizeof any);
    for (uint32_t i = 0; i < p->watched_count[slot]; i++) {
        const wide *x = v + (size_t)p->left[p->watched[slot][i]] * BLOCK, *y = v + (size_t)p->right[p->watched[slot][i]] * BLOCK;
        for (int w = 0; w < BLOCK; w++) any[w] |= x[w] ^ y[w];
    }
    const uint64_t *words = (const uint64_t *)any;
    for (int i = 0; i < 8 * BLOCK; i++)
        if (words[i]) return 64 * (int64_t)i + __builtin_ctzll(words[i]);
    return -1;
}

static void set_lanes(uint64_t *words, uint32_t position) {
    static const uint64_t masks[6] = {0xAAAAAAAAAAAAAAAAull, 0xCCCCCCCCCCCCCCCCull, 0xF0F0F0F0F0F0F0F0ull,
                                      0xFF00FF00FF00FF00ull, 0xFFFF0000FFFF0000ull, 0xFFFFFFFF00000000ull};
    for (uint32_t i = 0; i < 8 * BLOCK; i++) words[i] = position < 6 ? masks[position] : -(uint64_t)(i >> (position - 6) & 1);
}

void nf_free(struct plan *p) {
    if (p == NULL) return;
    for (int i = 0; i <= MOST_INPUTS; i++) free(p->ops[i]), free(p->runs[i]), free(p->watched[i]);
    free(p->nodes), free(p->left), free(p->right);
    free(p);
}

/* Prepares a proof that the nets left[i] and right[i] are equal for all inputs. `*verdict` says why NULL came back. */
struct plan *nf_plan(const struct gate *gates, uint32_t count, uint32_t nets, const uint32_t *in, uint32_t inputs,
                     const uint32_t *left, const uint32_t *right, uint32_t pairs, int *verdict) {
    *verdict = inputs > MOST_INPUTS ? TOO_WIDE : check_gates(gates, count, nets, in, inputs);
    for (uint32_t i = 0; i < pairs && *verdict == OK; i++)
        if (left[i] >= nets || right[i] >= nets) *verdict = BAD_NETLIST;
    if (*verdict != OK) return NULL;
    struct plan *p = calloc(1, sizeof *p);
    if (p != NULL) {
        p->inputs = inputs, p->pairs = pairs;
        p->nodes = calloc((size_t)count + inputs + 2, sizeof *p->nodes);
        p->left = calloc(pairs + 1, sizeof *p->left), p->right = calloc(pairs + 1, sizeof *p->right);
    }
    *verdict = p && p->nodes && p->left && p->right ? build_network(p, gates, count, nets, in, left, right) : NO_MEMORY;
    if (*verdict == OK) *verdict = cover(p);
    if (*verdict == OK) *verdict = schedule(p);
    if (*verdict == OK) return p;
    nf_free(p);
    return NULL;
}

uint64_t nf_steps(const struct plan *p) { return 1ull << p->steps_log2; }

/* Functions of three inputs that stand for both netlists. */
uint32_t nf_size(const struct plan *p) {
    uint32_t size = 0;
    for (uint32_t i = 2 + p->inputs; i < p->count; i++) size += p->nodes[i].size != 0;
    return size;
}

/* Tries the steps first..last-1. DIFFERS: `*input` has input i as its bit i. May run in several threads at once. */
int nf_check(const struct plan *p, uint64_t first, uint64_t last, uint64_t *input) {
    wide *v = aligned_alloc(64, (size_t)p->count * BLOCK * sizeof(wide));
    if (v == NULL) return NO_MEMORY;
    memset(v, 0, (size_t)p->count * BLOCK * sizeof(wide));
    memset(v + BLOCK, 0xFF, BLOCK * sizeof(wide));
    uint64_t gray = first ^ first >> 1;
    for (uint32_t i = 0; i < p->inputs; i++) {
        wide *at = v + (size_t)(2 + p->order[i]) * BLOCK;
        if (i < LANE_BITS) set_lanes((uint64_t *)at, i);
        else memset(at, gray >> (i - LANE_BITS) & 1 ? 0xFF : 0, BLOCK * sizeof(wide));
    }
    uint32_t slot = MOST_INPUTS;
    int verdict = OK;
    for (uint64_t step = first; step < last; step++) {
        if (step > first) {
            slot = (uint32_t)__builtin_ctzll(step);
            gray ^= 1ull << slot;
            memset(v + (size_t)(2 + p->order[LANE_BITS + slot]) * BLOCK, gray >> slot & 1 ? 0xFF : 0, BLOCK * sizeof(wide));
        }
        compute(v, p->ops[slot], p->runs[slot], p->run_count[slot]);
        int64_t lane = difference(p, v, slot);
        if (lane < 0) continue;
        *input = 0;
        for (uint32_t i = 0; i < p->inputs; i++)
            *input |= (i < LANE_BITS ? (uint64_t)lane >> i & 1 : gray >> (i - LANE_BITS) & 1) << p->order[i];
        verdict = DIFFERS;
        break;
    }
    free(v);
    return verdict;
}
