"""Kernels that do not solve their task, written from its argument block: every kernel task must reject them all."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from evaluators.integrity.seams import Impostor
from evaluators.kernels.spec import C_ELEMENTS, Argument, KernelSettings, read_settings
from nightforge.domain.task import Task

_HONEST = "nf_honest_kernel"
_HEAD = """#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
"""
_ROUNDINGS = {
    "bfloat16": "union { float f; unsigned u; } v = { x }; v.u = (v.u + 0x8000u) & 0xffff0000u; return v.f;",
    "float16": "return (float)(_Float16)x;",
}


def kernel_impostors(task: Task) -> Sequence[Impostor]:
    settings = read_settings(task)
    writer = _Writer(settings, task.read(task.seed))
    found = [
        Impostor("zeros", "every output is zero", writer.filled("0.0f")),
        Impostor("ones", "every output is one", writer.filled("1.0f")),
        Impostor("untouched", "outputs are left as they were found", writer.body("")),
        Impostor("mean", "every output is the mean of the right answer", writer.mean()),
        Impostor("previous", "the answer to the question before", writer.previous()),
        Impostor("part", "the last eighth of the answer is missing", writer.part()),
    ]
    if any(argument.is_read for argument in settings.arguments):
        found.append(Impostor("input", "the input copied to the output", writer.copied()))
    for name, form in _ROUNDINGS.items():
        found.append(Impostor(f"{name}-answer", f"the answer rounded to {name}", writer.rounded(form, inputs=False)))
        if any(argument.kind == "input" and argument.element == "float32" for argument in settings.arguments):
            found.append(Impostor(f"{name}-input", f"inputs rounded to {name}", writer.rounded(form, inputs=True)))
    return found


class _Writer:
    """C text for one argument block. The honest program is the task's seed under another name."""

    def __init__(self, settings: KernelSettings, seed: str) -> None:
        self._settings = settings
        self._seed = seed
        self._outputs = settings.outputs
        self._inputs = tuple(a for a in settings.buffers if a.kind == "input" and a.element == "float32")

    def body(self, text: str, *, honest: bool = False, before: str = "") -> str:
        symbol = self._settings.symbol
        fields = "\n".join(f"    {_c_type(argument)}{argument.name};" for argument in self._settings.arguments)
        seed = f"#define {symbol} {_HONEST}\n{self._seed}\n#undef {symbol}\n" if honest else ""
        return (
            f"{seed}{_HEAD}typedef struct {{\n{fields}\n}} nf_impostor_args;\n{before}\n"
            f"int {symbol}(const void *block) {{\n"
            f"    const nf_impostor_args *a = block;\n    (void)a;\n{text}    return 0;\n}}\n"
        )

    def filled(self, value: str) -> str:
        return self.body("".join(self._each(argument, f"a->$name[i] = {value};") for argument in self._outputs))

    def copied(self) -> str:
        source = next(a for a in self._settings.arguments if a.is_read)
        step = f"a->$name[i] = (float)a->{source.name}[i % ({self._count(source)})];"
        others = [argument for argument in self._outputs if argument.name != source.name]
        return self.body("".join(self._each(argument, step) for argument in others))

    def mean(self) -> str:
        text = f"    if ({_HONEST}(block)) return 1;\n"
        for argument in self._outputs:
            text += "    { double sum = 0.0;\n" + self._each(argument, "sum += a->$name[i];")
            text += f"    const float mean = (float)(sum / (double)({self._count(argument)}));\n"
            text += self._each(argument, "a->$name[i] = mean;") + "    }\n"
        return self.body(text, honest=True)

    def part(self) -> str:
        text = f"    if ({_HONEST}(block)) return 1;\n"
        for argument in self._outputs:
            count = self._count(argument)
            text += self._each(argument, "a->$name[i] = 0.0f;", start=f"({count}) - ({count}) / 8")
        return self.body(text, honest=True)

    def previous(self) -> str:
        """Answers as before whenever an answer of that size was given before; honest the first time."""
        text, before = f"    if ({_HONEST}(block)) return 1;\n", ""
        for argument in self._outputs:
            name, count = argument.name, self._count(argument)
            before += f"static float *kept_{name};\nstatic int64_t kept_{name}_n;\n"
            text += Template(
                """    {
        const int64_t n = $count;
        float *fresh = malloc((size_t)n * sizeof(float));
        if (fresh == 0) return 1;
        memcpy(fresh, a->$name, (size_t)n * sizeof(float));
        if (kept_$name != 0 && kept_${name}_n == n) memcpy(a->$name, kept_$name, (size_t)n * sizeof(float));
        free(kept_$name);
        kept_$name = fresh;
        kept_${name}_n = n;
    }
"""
            ).substitute(name=name, count=count)
        return self.body(text, honest=True, before=before)

    def rounded(self, form: str, *, inputs: bool) -> str:
        before = f"static float nf_rounded(float x) {{ {form} }}\n"
        if not inputs:
            text = f"    if ({_HONEST}(block)) return 1;\n"
            text += "".join(self._each(one, "a->$name[i] = nf_rounded(a->$name[i]);") for one in self._outputs)
            return self.body(text, honest=True, before=before)
        text = "    nf_impostor_args changed = *a;\n"
        for argument in self._inputs:
            name, count = argument.name, self._count(argument)
            text += f"    float *copy_{name} = malloc((size_t)({count}) * sizeof(float));\n"
            text += f"    if (copy_{name} == 0) return 1;\n"
            text += self._each(argument, "copy_$name[i] = nf_rounded(a->$name[i]);")
            text += f"    changed.{name} = copy_{name};\n"
        text += f"    const int status = {_HONEST}((const void *)&changed);\n"
        text += "".join(f"    free(copy_{argument.name});\n" for argument in self._inputs)
        return self.body(text + "    if (status) return status;\n", honest=True, before=before)

    def _each(self, argument: Argument, step: str, *, start: str = "0") -> str:
        line = Template(step).substitute(name=argument.name)
        return f"    for (int64_t i = {start}; i < {self._count(argument)}; i++) {line}\n"

    def _count(self, argument: Argument) -> str:
        """Elements as the kernel sees them: dimensions that are not among its arguments are fixed by the task."""
        known = {one.name for one in self._settings.arguments}
        factors = []
        for term in argument.count:
            name, plus, more = term.partition("+")
            size = f"a->{name}" if name in known else str(self._settings.primary[name])
            factors.append(f"({size} + {more})" if plus else size)
        return " * ".join(factors)


def _c_type(argument: Argument) -> str:
    if argument.is_buffer:
        return f"{'' if argument.is_written else 'const '}{C_ELEMENTS[argument.element]} *"
    return "int64_t " if argument.kind == "int64" else "double "
