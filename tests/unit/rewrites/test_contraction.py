"""The register-blocked contraction: right for every small size, and it reads and writes nothing beside its operands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.rewrites.contraction_template import ENTRY, SHAPES, Shape, contraction

CHECK = """
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#define PAGE 4096
#define ROOM (5 * PAGE)
/* `count` elements that end where a page begins that may not be touched, or begin where one ends. */
static nf_real *placed(char *from, long count, int at_end) {
    return (nf_real *)(at_end ? from + ROOM - count * (long)sizeof(nf_real) : from);
}
static char *fenced(void) {
    char *all = mmap(0, ROOM + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(all, PAGE, PROT_NONE);
    mprotect(all + PAGE + ROOM, PAGE, PROT_NONE);
    return all + PAGE;
}
static char *rooms[3];
static int check(long m, long n, long k, int at_end, int adds) {
    nf_real *a = placed(rooms[0], m * k, at_end), *b = placed(rooms[1], k * n, at_end);
    nf_real *c = placed(rooms[2], m * n, at_end);
    for (long i = 0; i < m * k; i++) a[i] = (nf_real)((i * 37) % 19 - 9);
    for (long i = 0; i < k * n; i++) b[i] = (nf_real)((i * 53) % 17 - 8);
    for (long i = 0; i < m * n; i++) c[i] = (nf_real)(i % 5);
    CALL(m, n, k, a, k, 1, b, n, 1, c, n, adds);
    for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++) {
            nf_real sum = adds ? (nf_real)((i * n + j) % 5) : 0;
            for (long p = 0; p < k; p++) sum += a[i * k + p] * b[p * n + j];
            if (c[i * n + j] != sum) {
                printf("%ld x %ld x %ld: c[%ld, %ld] is %g\\n", m, n, k, i, j, (double)c[i * n + j]);
                return 1;
            }
        }
    return 0;
}
int main(void) {
    const long sizes[] = {1, 2, 3, 5, 7, 8, 9, 12, 13, 15, 16, 17, 23, 24, 25, 31, 33, 49};
    const int many = sizeof sizes / sizeof *sizes;
    for (int room = 0; room < 3; room++) rooms[room] = fenced();
    for (int x = 0; x < many; x++)
        for (int y = 0; y < many; y++)
            for (int z = 0; z < many; z++)
                for (int kind = 0; kind < 4; kind++)
                    if (check(sizes[x], sizes[y], sizes[z], kind & 1, kind >> 1)) return 1;
    return 0;
}
"""


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.rows}x{shape.vectors}")
@pytest.mark.parametrize(("kind", "machine"), [("float", "native"), ("double", "native"), ("float", "x86-64")])
def test_it_is_right_and_stays_inside(tmp_path: Path, kind: str, machine: str, shape: Shape) -> None:
    """Whole numbers: every order of the additions gives the same. A read beside an operand ends the program."""
    source, program = tmp_path / "check.c", tmp_path / "check"
    source.write_text(contraction(kind, shape) + CHECK.replace("CALL", ENTRY))
    command = ["gcc", "-std=gnu11", "-O1", f"-march={machine}", "-w", "-o", str(program), str(source)]
    subprocess.run(command, check=True, timeout=120)
    ended = subprocess.run([str(program)], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")
