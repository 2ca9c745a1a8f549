"""C text of a register-blocked contraction `c[i, j] += sum over p of a[i, p] * b[p, j]`, any strides, any sizes.

The usual layers (Goto and van de Geijn, ACM TOMS 34(3), 2008): a tile of `rows` x `vectors` accumulators stays in
registers; panels of b of that width and of a of that height are packed so that the tile reads them in order; blocks of
both stay in the caches. What fits the first-level cache as it is, and lies in rows, is not packed. Packed panels live
on the stack: nothing is allocated, no page is touched for the first time in each call.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.rewrites.rewrite import tunable

ENTRY = "nf_contract"


@dataclass(frozen=True)
class Shape:
    """The tile of accumulators: `rows` x `vectors` registers, and one more register for each vector of b."""

    rows: int
    vectors: int


SHAPES = (Shape(8, 3), Shape(14, 2), Shape(6, 4), Shape(6, 2), Shape(24, 1), Shape(12, 1))
"""The best on 32 wide registers first; (6, 2) suits 16 of them; one vector suits narrow matrices."""


def contraction(kind: str, shape: Shape) -> str:
    """The whole text for elements of `kind` (`float` or `double`), to stand before the function that calls it."""
    widths = sorted({1, shape.vectors}, reverse=True)
    heights = _heights(shape.rows)
    tiles = "\n".join(_tile(height, width) for width in widths for height in heights)
    return "\n".join((_head(kind, shape), tiles, _strips(heights, widths), _blocks()))


def _heights(rows: int) -> tuple[int, ...]:
    """Tiles for what is left of the rows, so that any number is a sum of few."""
    return (rows, *(height for height in (8, 4, 2, 1) if height < rows))


def _head(kind: str, shape: Shape) -> str:
    suffix, mask = ("ps", 16) if kind == "float" else ("pd", 8)
    return f"""#if defined(__AVX512F__)
#include <immintrin.h>
#define NF_LANES {mask}
#else
#define NF_LANES {mask // 2}
#endif
#define NF_ROWS {shape.rows}
#define NF_WIDTH ({shape.vectors} * NF_LANES)
{tunable("NF_DEPTH", 256, (128, 192, 256, 384, 512))}{tunable("NF_HEIGHT", 96, (48, 96, 168, 240))}\
{tunable("NF_SPAN", 480, (192, 480, 960))}/* Bytes of b up to which it is read where it lies. */
{tunable("NF_DIRECT", 32768, (0, 8192, 32768, 262144))}\
typedef {kind} nf_real;
typedef nf_real nf_vector __attribute__((vector_size(NF_LANES * sizeof(nf_real))));
typedef nf_real nf_place __attribute__((vector_size(NF_LANES * sizeof(nf_real)), aligned(sizeof(nf_real)), may_alias));
/* The first `count` lanes; the others are 0, and are not touched in memory. */
static inline nf_vector nf_load_part(const nf_real *from, long count) {{
#if defined(__AVX512F__)
    return (nf_vector)_mm512_maskz_loadu_{suffix}((__mmask{mask})((1u << count) - 1), from);
#else
    nf_vector made = {{0}};
    for (long lane = 0; lane < count; lane++) made[lane] = from[lane];
    return made;
#endif
}}
static inline void nf_store_part(nf_real *to, nf_vector value, long count) {{
#if defined(__AVX512F__)
    _mm512_mask_storeu_{suffix}(to, (__mmask{mask})((1u << count) - 1), (__m512{"" if kind == "float" else "d"})value);
#else
    for (long lane = 0; lane < count; lane++) to[lane] = value[lane];
#endif
}}
static inline __attribute__((always_inline)) void nf_put(nf_real *to, nf_vector value, long count, int adds) {{
    if (count == NF_LANES) {{
        if (adds) value += *(const nf_place *)to;
        *(nf_place *)to = value;
    }} else {{
        if (adds) value += nf_load_part(to, count);
        nf_store_part(to, value, count);
    }}
}}"""


def _tile(rows: int, vectors: int) -> str:
    """One tile: `last` is the number of lanes in the last vector that count; in the first `sure` steps b has all."""
    cells = [(row, col) for row in range(rows) for col in range(vectors)]
    starts = ", ".join(f"c{row}_{col} = {{0}}" for row, col in cells)
    end = vectors - 1
    full = [f"const nf_vector b{col} = *(const nf_place *)(b + {col} * NF_LANES);" for col in range(vectors)]
    part = f"const nf_vector b{end} = nf_load_part(b + {end} * NF_LANES, last);"
    sums = "\n        ".join(
        f"{{ const nf_real x = a[{row} * ai]; "
        + " ".join(f"c{row}_{col} += x * b{col};" for col in range(vectors))
        + " }"
        for row in range(rows)
    )
    ends = "\n    ".join(_put(row, col, col == end) for row, col in cells)
    loops = "\n    ".join(
        f"for (; {steps}; p++, a += ap, b += bp) {{\n        " + "\n        ".join([*loads, sums]) + "\n    }"
        for steps, loads in (("p < sure", full), ("p < depth", [*full[:end], part]))
    )
    return f"""static inline __attribute__((always_inline)) void nf_tile_{rows}_{vectors}(long depth, const nf_real *a,
        long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, long sure, int adds) {{
    nf_vector {starts};
    long p = 0;
    {loops}
    {ends}
}}"""


def _put(row: int, col: int, is_last: bool) -> str:
    count = "last" if is_last else "NF_LANES"
    return f"nf_put(c + {row} * ci + {col} * NF_LANES, c{row}_{col}, {count}, adds);"


def _strips(heights: tuple[int, ...], widths: list[int]) -> str:
    """All rows of one strip of columns; rows of a are `ai` apart, or packed in panels when `panel` is not 0."""
    lines = []
    for width in widths:
        steps = "\n".join(
            f"    for (; rows - i >= {height}; i += {height}) "
            f"nf_tile_{height}_{width}(depth, a + i * ai, ai, ap, b, bp, c + i * ci, ci, last, sure, adds);"
            for height in heights
        )
        lines.append(
            f"static inline __attribute__((always_inline)) void nf_strip_{width}(long rows, long depth, "
            "const nf_real *a, long ai,\n        long ap, const nf_real *b, long bp, nf_real *c, long ci, long last, "
            f"long sure, int adds) {{\n    long i = 0;\n{steps}\n}}"
        )
    wide = widths[0]
    lines.append(f"""static inline __attribute__((always_inline)) void nf_direct(long rows, long cols, long depth,
        const nf_real *a, long ai, long ap, const nf_real *b, long bp, nf_real *c, long ci, int adds) {{
    long j = 0;
    for (; cols - j >= {wide} * NF_LANES; j += {wide} * NF_LANES)
        nf_strip_{wide}(rows, depth, a, ai, ap, b + j, bp, c + j, ci, NF_LANES, depth, adds);
    for (; cols - j >= NF_LANES; j += NF_LANES)
        nf_strip_1(rows, depth, a, ai, ap, b + j, bp, c + j, ci, NF_LANES, depth, adds);
    if (j < cols) {{
        /* Lanes that are missing are read from the next line of b, and never stored: reading some lanes only is slow
           on some processors where they cross a line of the cache. In the last steps no line follows. */
        const long last = cols - j, missing = NF_LANES - last;
        const long sure = bp > 0 ? depth - (missing + bp - 1) / bp : 0;
        nf_strip_1(rows, depth, a, ai, ap, b + j, bp, c + j, ci, last, sure, adds);
    }}
}}""")
    top = heights[0]
    lines.append(f"""/* One packed block of a times one packed block of b. */
static void nf_block(long rows, long cols, long depth, const nf_real *a, const nf_real *b, nf_real *c, long ci,
        int adds) {{
    for (long j = 0; j < cols; j += NF_WIDTH, b += depth * NF_WIDTH) {{
        const long wide = cols - j < NF_WIDTH ? cols - j : NF_WIDTH;
        for (long i = 0; i < rows; i += NF_ROWS) {{
            const nf_real *panel = a + i * depth;
            const long high = rows - i < NF_ROWS ? rows - i : NF_ROWS;
            nf_real *to = c + i * ci + j;
            if (high == NF_ROWS && wide > NF_WIDTH - NF_LANES) {{
                const long last = wide - (NF_WIDTH - NF_LANES);
                nf_tile_{top}_{wide}(depth, panel, 1, NF_ROWS, b, NF_WIDTH, to, ci, last, depth, adds);
                continue;
            }}
            for (long v = 0; v < wide; v += NF_LANES) {{
                const long last = wide - v < NF_LANES ? wide - v : NF_LANES;
                nf_strip_1(high, depth, panel, 1, NF_ROWS, b + v, NF_WIDTH, to + v, ci, last, depth, adds);
            }}
        }}
    }}
}}""")
    return "\n".join(lines)


def _blocks() -> str:
    return f"""/* Panels of `width` lines of `from`, each step of the depth together; lines that are missing are 0. */
static inline __attribute__((always_inline)) void nf_pack(nf_real *to, const nf_real *from, long lines, long width,
        long depth, long line, long step) {{
    for (long start = 0; start < lines; start += width) {{
        const long count = lines - start < width ? lines - start : width;
        const nf_real *at = from + start * line;
        if (count == width && line == 1) {{
            for (long p = 0; p < depth; p++, to += width)
                for (long k = 0; k < width; k++) to[k] = at[p * step + k];
            continue;
        }}
        for (long p = 0; p < depth; p++, to += width)
            for (long k = 0; k < width; k++) to[k] = k < count ? at[k * line + p * step] : 0;
    }}
}}
/* Both operands packed, block by block. */
static __attribute__((noinline)) void nf_packed(long m, long n, long k, const nf_real *a, long ai, long ap,
        const nf_real *b, long bp, long bj, nf_real *c, long ci, int adds) {{
    _Alignas(64) nf_real packed_b[NF_DEPTH * ((NF_SPAN + NF_WIDTH - 1) / NF_WIDTH) * NF_WIDTH];
    _Alignas(64) nf_real packed_a[NF_DEPTH * ((NF_HEIGHT + NF_ROWS - 1) / NF_ROWS) * NF_ROWS];
    for (long j = 0; j < n; j += NF_SPAN) {{
        const long cols = n - j < NF_SPAN ? n - j : NF_SPAN;
        for (long p = 0; p < k; p += NF_DEPTH) {{
            const long depth = k - p < NF_DEPTH ? k - p : NF_DEPTH;
            nf_pack(packed_b, b + p * bp + j * bj, cols, NF_WIDTH, depth, bj, bp);
            for (long i = 0; i < m; i += NF_HEIGHT) {{
                const long rows = m - i < NF_HEIGHT ? m - i : NF_HEIGHT;
                nf_pack(packed_a, a + i * ai + p * ap, rows, NF_ROWS, depth, ai, ap);
                nf_block(rows, cols, depth, packed_a, packed_b, c + i * ci + j, ci, adds || p > 0);
            }}
        }}
    }}
}}
/* c += a b (or c = a b where `adds` is 0); c lies in rows, a and b lie as they like. In place of its call, so that a
   small product in a loop costs no call, and sizes that the caller knows are known here. */
static inline __attribute__((always_inline)) void {ENTRY}(long m, long n, long k, const nf_real *a, long ai, long ap,
        const nf_real *b, long bp, long bj, nf_real *c, long ci, int adds) {{
    if (m <= 0 || n <= 0) return;
    if (k <= 0) {{
        if (!adds) for (long i = 0; i < m; i++) for (long j = 0; j < n; j++) c[i * ci + j] = 0;
    }} else if (bj == 1 && (n * k * (long)sizeof(nf_real) <= NF_DIRECT || m < 4)) {{
        nf_direct(m, n, k, a, ai, ap, b, bp, c, ci, adds);
    }} else {{
        nf_packed(m, n, k, a, ai, ap, b, bp, bj, c, ci, adds);
    }}
}}
"""
