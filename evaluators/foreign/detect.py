"""Which engine a folder was made for, and what of it is used. Nothing of it is executed here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from evaluators.foreign.config import PeerConfig, find_config, read_config
from evaluators.foreign.contract import COMPLEXITY, DIVERSITY, Contract
from evaluators.foreign.modules import Module, Signature
from nightforge.domain.base import Frozen
from nightforge.errors import UserError

LANGUAGES = {
    ".c": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cu": "cuda",
    ".f90": "fortran",
    ".go": "go",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".json": "json",
    ".py": "python",
    ".r": "r",
    ".rs": "rust",
    ".sv": "verilog",
    ".swift": "swift",
    ".ts": "typescript",
    ".txt": "text",
    ".v": "verilog",
    ".wl": "wolfram",
}
STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")
_PATH_WORDS = re.compile(r"path|file", re.IGNORECASE)
_SEED_NAMES = (
    "seed_candidate",
    "SEED_CANDIDATE",
    "SEED_CODE",
    "SEED",
    "seed_code",
    "INITIAL_PROGRAM",
    "initial_program",
)
_TEMPLATE = "template_program"
_CLOCK = re.compile(r"^(\d+):(\d\d):(\d\d)$")
_HINT = "docs/foreign-tasks.md lists the contracts"


class Found(Frozen):
    """A peer's folder, as far as reading tells."""

    contract: Contract
    folder: Path
    evaluator: str
    function: str = ""
    class_name: str = ""
    candidate_key: str = ""
    seed: str
    """Where the first program is: a file of the folder, or a constant of a module."""
    source: str = Field(repr=False)
    suffix: str
    cascade: tuple[str, ...] = ()
    config: PeerConfig = PeerConfig()
    words: str = ""
    """What the folder tells a model of the problem."""
    notes: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        return LANGUAGES.get(self.suffix.lower(), "text")

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for name in self.config.features if name not in {COMPLEXITY, DIVERSITY})

    def describe(self) -> Sequence[str]:
        """What was found, a sentence each."""
        called = {
            Contract.PATHS: f"{', '.join(self.cascade) or 'evaluate'}(path)",
            Contract.SHINKA: "--program_path P --results_dir D",
            Contract.FUNCTION: f"{self.function}(candidate)",
            Contract.CLASS: f"{self.class_name}.evaluate_program(text, {self.function})",
        }[self.contract]
        lines = [f"a task folder for {self.contract.engine}: {self.evaluator} with {called}"]
        lines.append(f"first program: {self.seed} ({self.language}, {len(self.source.splitlines())} lines)")
        if self.config.file:
            said = [f"at most {self.config.timeout_s:g} s a stage"]
            if self.cascade:
                said.append(f"thresholds {', '.join(f'{one:g}' for one in self.thresholds) or 'none'}")
            if self.config.features:
                said.append(f"feature dimensions {', '.join(self.config.features)}")
            lines.append(f"{self.config.file}: {'; '.join(said)}")
        return [*lines, *self.notes]

    @property
    def thresholds(self) -> tuple[float, ...]:
        return self.config.thresholds[: max(0, len(self.cascade) - 1)]


def detect(path: Path) -> Found | None:
    """None for a folder (or Python file) that follows no contract known here.

    Raises UserError for one that does and lacks something: no first program, a function that wants more.
    """
    if path.is_file():
        return _function_file(path.parent, path) if path.suffix == ".py" else None
    if not path.is_dir():
        return None
    evaluate, evaluator = Module.read(path / "evaluate.py"), Module.read(path / "evaluator.py")
    if evaluate is not None and (evaluate.imports("shinka") or evaluate.mentions("--program_path")):
        return _shinka(path, evaluate)
    if evaluator is not None and ({"evaluate", STAGES[0]} & evaluator.names()):
        signature = evaluator.functions().get("evaluate")
        if signature is None or _takes_path(signature):
            return _paths(path, evaluator)
    for file in sorted(path.glob("*.py")):
        if found := _function_file(path, file):
            return found
    if (path / "evaluator" / "evaluator.py").is_file():
        raise UserError(
            "its evaluator is a folder that runs in a container of its own, which is not taken over",
            where=str(path / "evaluator"),
            hint="name the folder evaluator/ itself if evaluate(path) and a first program are there",
        )
    return None


def _takes_path(signature: Signature) -> bool:
    """`evaluate(program_path)`: by its name, else a parameter that is not called a candidate."""
    return bool(_PATH_WORDS.search(signature.first)) or signature.first not in {"", "candidate", "program_str", "code"}


def _paths(folder: Path, module: Module) -> Found:
    names, config = module.names(), read_config(find_config(folder))
    cascade: tuple[str, ...] = ()
    notes: list[str] = []
    if config.cascade and STAGES[0] in names:
        cascade = tuple(stage for number, stage in enumerate(STAGES) if set(STAGES[: number + 1]) <= names)
    if not cascade and "evaluate" not in names:
        raise UserError("has neither evaluate nor a cascade", where=str(folder / "evaluator.py"), hint=_HINT)
    if len(cascade) == 1 and "evaluate" in names:
        notes.append("evaluate_stage1 stands alone: as in OpenEvolve, evaluate is never called")
    if DIVERSITY in config.features:
        notes.append(
            "feature dimension diversity is the engine's own, between programs; Nightforge has its own novelty"
        )
    if config.ignored:
        notes.append(f"not used, Nightforge has its own: {', '.join(config.ignored)}")
    seed = _seed_file(folder, ("initial_program", "initial", "seed"), config.suffix)
    return Found(
        contract=Contract.PATHS,
        folder=folder,
        evaluator="evaluator.py",
        seed=seed.name,
        source=_text(seed),
        suffix=seed.suffix,
        cascade=cascade,
        config=config,
        words=config.words,
        notes=tuple(notes),
    )


def _shinka(folder: Path, module: Module) -> Found:
    seed = _seed_file(folder, ("initial", "initial_program"), "")
    runner = Module.read(folder / "run_evo.py")
    clock = _CLOCK.match(runner.keyword("time")) if runner is not None else None
    config = PeerConfig()
    if clock is not None:
        hours, minutes, seconds = map(int, clock.groups())
        config = PeerConfig(file="run_evo.py", timeout_s=float(hours * 3600 + minutes * 60 + seconds) or 300.0)
    notes = ["early stopping and plots of run_shinka_eval are left out: every run is made"]
    return Found(
        contract=Contract.SHINKA,
        folder=folder,
        evaluator="evaluate.py",
        seed=seed.name,
        source=_text(seed),
        suffix=seed.suffix,
        config=config,
        words=_message(runner),
        notes=tuple(notes) if module.imports("shinka") else (),
    )


def _message(runner: Module | None) -> str:
    if runner is None:
        return ""
    texts = runner.texts()
    return runner.keyword("task_sys_msg") or next((texts[name] for name in texts if "sys_msg" in name), "")


def _function_file(folder: Path, file: Path) -> Found | None:
    module = Module.read(file)
    if module is None:
        return None
    if classes := module.derived_from("Evaluation"):
        return _class(folder, file, module, classes[0])
    signature = module.functions().get("evaluate")
    if signature is None or not signature.first:
        return None
    if _PATH_WORDS.search(signature.first):
        return None
    wanted = [name for name in signature.others if name != "opt_state"]
    if wanted:
        raise UserError(
            f"evaluate wants {', '.join(wanted)} beside the candidate, which nothing here gives",
            where=str(file),
            hint=f"add `def evaluate(candidate)` that goes through your examples and returns their mean; {_HINT}",
        )
    where, key, source, suffix = _seed_of(folder, file, module)
    return Found(
        contract=Contract.FUNCTION,
        folder=folder,
        evaluator=file.name,
        function="evaluate",
        candidate_key=key,
        seed=where,
        source=source,
        suffix=suffix,
        words=module.keyword("objective"),
    )


def _seed_of(folder: Path, file: Path, module: Module) -> tuple[str, str, str, str]:
    """(where, key, text, suffix): a constant of the module, else a file beside it."""
    singles, texts = module.single_texts(), module.texts()
    for name in _SEED_NAMES:
        if name in singles:
            key, text = singles[name]
            return f"{name} in {file.name}", key, text, ".py"
        if name in texts:
            return f"{name} in {file.name}", "", texts[name], ".py"
    seed = _seed_file(folder, ("initial_program", "initial", "seed"), "")
    return seed.name, "", _text(seed), seed.suffix


def _class(folder: Path, file: Path, module: Module, name: str) -> Found:
    template = module
    if _TEMPLATE not in template.texts():
        other = Module.read(folder / "template.py")
        if other is None or _TEMPLATE not in other.texts():
            raise UserError("has no template_program", where=str(file), hint=f"a text constant of that name; {_HINT}")
        template = other
    source = template.texts()[_TEMPLATE]
    function = ""
    parsed = Module.parse(source)
    if parsed is not None:
        function = parsed.last_function()
    if not function:
        raise UserError("template_program has no function", where=str(file), hint=_HINT)
    return Found(
        contract=Contract.CLASS,
        folder=folder,
        evaluator=file.name,
        class_name=name,
        function=function,
        seed=f"{_TEMPLATE} of {name}",
        source=source,
        suffix=".py",
        words=template.texts().get("task_description", ""),
    )


def _seed_file(folder: Path, stems: Sequence[str], suffix: str) -> Path:
    for stem in stems:
        found = [one for one in sorted(folder.glob(f"{stem}.*")) if one.suffix.lower() in LANGUAGES]
        chosen = [one for one in found if one.suffix == suffix] or found
        if chosen:
            return chosen[0]
        if (folder / stem).is_dir():
            raise UserError(
                f"{stem}/ holds several files, and the evaluator is given one path",
                where=str(folder),
                hint="for programs of several files make a task of your own: nightforge task init",
            )
    raise UserError(
        f"has an evaluator and no first program ({', '.join(f'{stem}.*' for stem in stems)})",
        where=str(folder),
        hint="put the program to start from beside it",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read as text: {error}", where=str(path), hint="a program is UTF-8 text") from error
