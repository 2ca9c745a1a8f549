"""Regenerate docs/cli.md and the generated parts of README.md and docs/.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. `--check` changes nothing and ends with
1, naming the files, when one is not current.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nightforge.domain.base import Frozen

ROOT = Path(__file__).resolve().parents[1]
COMMAND_LINE = ROOT / "docs" / "cli.md"
BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MEANINGS_FILE = "docs/meanings.toml"
MEANINGS: Mapping[str, Mapping[str, str]] = tomllib.loads((ROOT / MEANINGS_FILE).read_text(encoding="utf-8"))
DIRECTORIES = {"home", "database_url"}
"""Settings whose default depends on the user; docs/settings.md says where they lie."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [
        list(head),
        ["---"] * len(head),
        *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def field_words(model: type[BaseModel]) -> Mapping[str, str]:
    """Field → the string below it in the class's source, else its line in docs/meanings.toml."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)
    words: dict[str, str] = dict(MEANINGS.get(model.__name__, {}))
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and (said := string_of(text)):
            words[field.target.id] = " ".join(said.split())
    missing = [name for name in model.model_fields if not words.get(name) and name != "root"]
    if missing:
        raise SystemExit(
            f"{model.__name__}: no meaning of {', '.join(missing)}: write a string below, or {MEANINGS_FILE}"
        )
    return words


def string_of(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def type_name(annotation: object) -> str:
    """A type as a person writes it in TOML."""
    arguments = get_args(annotation)
    origin = getattr(annotation, "__origin__", None)
    if str(annotation).startswith("typing.Annotated"):
        return type_name(arguments[0])
    if origin in {tuple, list}:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"table of {type_name(arguments[1])}"
    if str(annotation).startswith("typing.Literal"):
        return " or ".join(f"`{argument}`" for argument in arguments)
    if arguments and type(None) in arguments:
        return type_name(next(argument for argument in arguments if argument is not type(None)))
    if arguments:
        return " or ".join(dict.fromkeys(type_name(argument) for argument in arguments))
    names = {"str": "text", "float": "number", "int": "whole number", "bool": "true or false", "Path": "path"}
    names |= {"SecretStr": "text, never shown", "Json": "any value"}
    name = getattr(annotation, "__name__", str(annotation))
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return " or ".join(f"`{member}`" for member in annotation.__members__.values())
    return names.get(name, name)


def default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def fields(model: type[BaseModel], *, skip: frozenset[str] = frozenset()) -> str:
    words = field_words(model)
    return table(
        ("field", "type", "default", "meaning"),
        (
            (f"`{name}`", type_name(field.annotation), default_words(field), words.get(name, ""))
            for name, field in model.model_fields.items()
            if name not in skip
        ),
    )


def sections(*models: tuple[str, type[Frozen]]) -> str:
    parts = []
    for title, model in models:
        doc = inspect.getdoc(model) or ""
        intro = "" if model.__doc__ is None else doc.split("\n\n")[0].replace("\n", " ") + "\n\n"
        parts.append(f"### {title}\n\n{intro}{fields(model, skip=frozenset({'root'}))}")
    return "\n\n".join(parts)


def task_fields() -> str:
    from nightforge.domain.task import (
        BudgetDefaults,
        Constraint,
        Objective,
        Parameter,
        RehearsalCandidate,
        StageSpec,
        Task,
    )

    return sections(
        ("Top level", Task),
        ("`[[objectives]]`", Objective),
        ("`[[constraints]]`", Constraint),
        ("`[[stages]]`", StageSpec),
        ("`[[parameters]]`", Parameter),
        ("`[[rehearsal]]`", RehearsalCandidate),
        ("`[budget]`", BudgetDefaults),
    )


def plan_fields() -> str:
    from nightforge.domain.plan import Budget, ModelSpec, Plan, SearchSpec, StopSpec

    return sections(
        ("Top level", Plan),
        ("`budget`", Budget),
        ("`search`", SearchSpec),
        ("`stop`", StopSpec),
        ("`models`", ModelSpec),
    )


def kernel_fields() -> str:
    from evaluators.kernels.spec import Argument, BaselineSpec, KernelSettings, Timing, Tolerance

    return sections(
        ("`[settings]`", KernelSettings),
        ("`[[settings.arguments]]`", Argument),
        ("`[[settings.baselines]]`", BaselineSpec),
        ("`[settings.timing]`", Timing),
        ("`[settings.tolerance]`", Tolerance),
    )


def sandbox_limits() -> str:
    from nightforge.domain.limits import Limits

    return fields(Limits)


def settings() -> str:
    from nightforge.settings import ONLY_BY_FLAG, PREFIX, Settings

    words = field_words(Settings)
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"typed only: `{ONLY_BY_FLAG[name]}`" if name in ONLY_BY_FLAG else f"`{PREFIX}{name.upper()}`"
        default = "see below" if name in DIRECTORIES else default_words(field)
        rows.append((f"`{name}`", variable, type_name(field.annotation), default, words.get(name, "")))
    return table(("setting", "environment", "type", "default", "meaning"), rows)


def shipped_tasks() -> str:
    from nightforge.catalogue import find_task
    from nightforge.domain.task import Task

    def row(task: Task) -> Sequence[str]:
        aim = f"{task.objective.metric} ({task.objective.unit}, {task.objective.direction})"
        return (f"`{task.name}`", task.title, task.domain, task.language, aim)

    names = sorted(path.parent.name for path in (ROOT / "tasks").glob("*/task.toml"))
    return table(
        ("task", "what", "domain", "language", "objective"), (row(find_task(f"{ROOT}/tasks/{name}")) for name in names)
    )


def operators() -> str:
    from importlib.metadata import entry_points

    from agents.offline.coder import prior_of
    from nightforge.domain.team import Operator

    found: list[Operator] = []
    for point in entry_points(group="nightforge.operators"):
        if point.dist is not None and point.dist.name == "nightforge":
            made = point.load()
            found.append(made() if isinstance(made, type) else made)
    rows = []
    for operator in sorted(found, key=lambda operator: operator.name):
        module = inspect.getmodule(type(operator))
        first = MEANINGS["operators"].get(operator.name) or (inspect.getdoc(module) or "").split("\n")[0]
        languages = ", ".join(sorted(operator.languages)) or "any"
        limits = ", ".join(sorted(str(limit) for limit in getattr(operator, "relieves", ())))
        rows.append((f"`{operator.name}`", languages, f"{prior_of(operator):g}", first, limits))
    return table(("operator", "languages", "prior", "what it does", "meant against"), rows)


def presets() -> str:
    from workflows.presets import PAIR, SOLO, TEAM, Node

    rows = []
    for preset in (SOLO, PAIR, TEAM):
        nodes = " → ".join(node.value for node in Node if preset.has(node))
        rows.append((f"`{preset.name}`", nodes, str(preset.drafts), str(preset.repairs), str(preset.in_flight)))
    return table(("preset", "nodes", "drafts", "repairs", "in flight"), rows)


def prices() -> str:
    from tools.pricing import LISTED_ON, PRICES

    rows = [
        (f"`{model}`", host, f"{price.input_usd_per_mtok:.2f}", f"{price.output_usd_per_mtok:.2f}")
        for host, models in PRICES.items()
        for model, price in models.items()
    ]
    listed = table(("model", "endpoint", "in, $ per million tokens", "out, $ per million tokens"), rows)
    return f"As listed on {LISTED_ON.isoformat()}:\n\n{listed}"


def exit_codes() -> str:
    from nightforge.cli.reference import EXIT_CODES

    return table(("code", "meaning"), ((str(code), meaning) for code, meaning in EXIT_CODES))


def errors() -> str:
    from nightforge import errors as module

    return f"```text\n{(inspect.getdoc(module) or '').strip()}\n```"


def recipe_fields() -> str:
    from evaluators.accelerators.recipe.settings import Anchor, Circuit, Hidden, RecipeSettings

    return sections(
        ("`[settings]`", RecipeSettings),
        ("`[[settings.training]]`", Circuit),
        ("`[[settings.anchors]]`", Anchor),
        ("`hidden.toml`", Hidden),
    )


def rtl_fields() -> str:
    from evaluators.accelerators.rtl_settings import HandDesign, RtlPort, RtlSettings

    return sections(
        ("`[settings]`", RtlSettings),
        ("`[[settings.ports]]`", RtlPort),
        ("`[[settings.baselines]]`", HandDesign),
    )


GENERATORS: Mapping[str, Callable[[], str]] = {
    "errors": errors,
    "exit-codes": exit_codes,
    "kernel-fields": kernel_fields,
    "operators": operators,
    "plan-fields": plan_fields,
    "presets": presets,
    "prices": prices,
    "recipe-fields": recipe_fields,
    "rtl-fields": rtl_fields,
    "sandbox-limits": sandbox_limits,
    "settings": settings,
    "shipped-tasks": shipped_tasks,
    "task-fields": task_fields,
}


def regenerate(text: str) -> str:
    return BLOCK.sub(lambda match: f"{match[1]}{GENERATORS[match['name']]()}\n{match[3]}", text)


def current_text(path: Path, text: str) -> str:
    from nightforge.cli.reference import render_reference

    return render_reference() if path == COMMAND_LINE else regenerate(text)


def main(arguments: Sequence[str]) -> int:
    stale = []
    for path in (ROOT / "README.md", *sorted({COMMAND_LINE, *(ROOT / "docs").glob("*.md")})):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        current = current_text(path, text)
        if current != text:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in arguments:
                path.write_text(current, encoding="utf-8")
    if stale:
        print(f"{'not current' if '--check' in arguments else 'regenerated'}: {', '.join(stale)}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
