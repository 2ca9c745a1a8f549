"""Rules in a program: which functions are formulas, over which features, and the program with another formula.

Features and starting points are declared in comments, as tunables are, so that operators need to know no task:

    # nf: feature NAME UNIT [>= N] [shared]: meaning
    # nf: rule EXPRESSION -- name

Inside a function they are that function's, and only functions with features of their own are rules then; at top level
they are every function's. UNIT is a word such as `time`, `1` for plain numbers; N is a value it is never below;
`shared` says that it is the same for all that the function is asked to choose among (the time, the length of a queue):
only the largest value counts then, and what is shared decides nothing by itself. The
terminal of a feature is the parameter of that name, or `f["NAME"]` of the function's first parameter. A program without
declarations offers the features that its formulas use.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tools.rules.formula import Formula, parse, read, terminal, text_of

MOST_BYTES = 16_000
_FEATURE = re.compile(
    r"^[ \t]*#[ \t]*nf:[ \t]*feature[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]+(?P<unit>[A-Za-z_]\w*|1)"
    r"(?:[ \t]*>=[ \t]*(?P<least>-?\d+(?:\.\d+)?))?(?P<shared>[ \t]+shared)?[ \t]*(?::[ \t]*(?P<meaning>[^\n]*))?$"
)
_RULE = re.compile(r"^[ \t]*#[ \t]*nf:[ \t]*rule[ \t]+(?P<text>[^\n]*?)(?:[ \t]+--[ \t]*(?P<name>[^\n]*))?$")
PLAIN = "1"
_SUBSCRIPT = re.compile(r'^\w+\["(\w+)"\]$')


@dataclass(frozen=True)
class Feature:
    """`name` as declared, `text` the terminal in the program; an empty unit is an unknown one."""

    name: str
    text: str
    unit: str = ""
    least: float | None = None
    meaning: str = ""
    is_shared: bool = False


@dataclass(frozen=True)
class Known:
    """A rule by people, a place to start from."""

    name: str
    formula: Formula


@dataclass(frozen=True)
class Rule:
    """One function of a program as a formula."""

    source: str
    function: str
    formula: Formula
    features: tuple[Feature, ...]
    known: tuple[Known, ...]
    first: int
    last: int
    indent: str
    """Lines `first` to `last`, counted from 0, are replaced by a new `return`."""

    def with_formula(self, formula: Formula) -> str:
        lines = self.source.splitlines()
        new = f"{self.indent}return {text_of(formula)}"
        return "\n".join([*lines[: self.first], new, *lines[self.last + 1 :]]) + "\n"

    @property
    def is_ranking(self) -> bool:
        """Only the order of its values counts."""
        return any(feature.is_shared for feature in self.features)

    def feature(self, text: str) -> Feature | None:
        return next((feature for feature in self.features if feature.text == text), None)


@lru_cache(maxsize=1024)
def rules_of(source: str) -> tuple[Rule, ...]:
    """The functions at top level that are formulas: assignments to local names, then one `return`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    lines = source.splitlines()
    spans = {node.name: (node.lineno - 1, node.end_lineno or node.lineno) for node in functions}
    inside = {name: _declared(lines[start:end]) for name, (start, end) in spans.items()}
    outside = _declared([line for at, line in enumerate(lines) if not any(a <= at < b for a, b in spans.values())])
    has_own = any(features for features, _ in inside.values())
    found = []
    for node in functions:
        features, known = inside[node.name]
        if has_own and not features:
            continue
        rule = _rule(source, node, features + outside[0], known + outside[1])
        if rule is not None:
            found.append(rule)
    return tuple(found)


def _declared(lines: Sequence[str]) -> tuple[list[re.Match[str]], list[re.Match[str]]]:
    features = [match for line in lines if (match := _FEATURE.match(line))]
    return features, [match for line in lines if (match := _RULE.match(line))]


def _rule(
    source: str, node: ast.FunctionDef, features: Sequence[re.Match[str]], known: Sequence[re.Match[str]]
) -> Rule | None:
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    formula = _returned(statements)
    first = statements[0].lineno - 1 if statements else 0
    lines = source.splitlines()
    if formula is None or first == node.lineno - 1:  # a body on the line of `def` is left alone
        return None
    parameters = [argument.arg for argument in node.args.args]
    declared = tuple(_feature(match, parameters) for match in features)
    texts = {feature.text for feature in declared}
    used = tuple(Feature(_short(text), text) for text in formula.terminals() if text not in texts)
    return Rule(
        source=source,
        function=node.name,
        formula=formula,
        features=declared or used,
        known=tuple(_known(known)),
        first=first,
        last=(statements[-1].end_lineno or statements[-1].lineno) - 1,
        indent=lines[first][: len(lines[first]) - len(lines[first].lstrip())],
    )


def _returned(statements: Sequence[ast.stmt]) -> Formula | None:
    """The formula of `name = expression` ... `return expression`; None for any other body."""
    inlined: dict[str, Formula] = {}
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                inlined[name] = read(value, inlined)
            case ast.Return(value=ast.expr() as value) if statement is statements[-1]:
                return read(value, inlined)
            case _:
                return None
    return None


def _feature(match: re.Match[str], parameters: Sequence[str]) -> Feature:
    name = match["name"]
    text = name if name in parameters or not parameters else f'{parameters[0]}["{name}"]'
    least = float(match["least"]) if match["least"] else None
    return Feature(name, text, match["unit"], least, (match["meaning"] or "").strip(), bool(match["shared"]))


def _short(text: str) -> str:
    found = _SUBSCRIPT.match(text)
    return found[1] if found else text


def _known(matches: Sequence[re.Match[str]]) -> Iterator[Known]:
    for match in matches:
        try:
            formula = parse(match["text"])
        except (SyntaxError, ValueError, RecursionError):
            continue
        yield Known((match["name"] or "").strip(), formula)


def terminals_of(rule: Rule) -> Mapping[Formula, Feature]:
    return {terminal(feature.text): feature for feature in rule.features}
