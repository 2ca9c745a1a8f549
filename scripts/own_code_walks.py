"""Go through docs/own-code.md as a new user would, and write what was seen into it.

    python scripts/own_code_walks.py [NAME ...] [--folder FOLDER] [--no-write]

Each walk is a copy of a folder of examples/own-code in a git repository of its own, a home of its own, and one
sequence of commands: task init, task check, run, export, git apply. What they print is cut to the lines that a walk
names and put between `<!-- walk: NAME -->` and `<!-- end -->`. Where the system lets us, all of it runs without a
network device (`unshare --net`). A walk whose campaign finds nothing says so and exports nothing. Takes from some
minutes to most of an hour; ends with 1 when a command ends otherwise than a walk has it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "own-code"
PAGE = ROOT / "docs" / "own-code.md"
BLOCK = "(<!-- walk: {} -->\n).*?(<!-- end -->)"
FOUND = re.compile(r"candidate\s+(?P<ref>[a-z]+-[a-z]+\.\d+)")
CHECKED = (
    *(r"^  (ok  |note|FAIL) (?!not protected|tree|known|seed)", r"^       mend: ", "mutation score", "^    survived "),
)
RAN = (
    *(
        "^noise ",
        "^estimate ",
        r"evaluating\) · |measured\) · ",
        r"^\d\d:\d\d:\d\d .*(re-measured|finished)",
        "^Found ",
    ),
    *(
        "^No gain",
        r"^1\.\d+ \(re-measured",
        "^- .*re-measured",
        r"candidate\s+[a-z]+-[a-z]+\.\d+\.?$",
        r"^[a-z]+-[a-z]+\.\d+\.$",
    ),
)
MOST_SHOWN = 14


@dataclass(frozen=True)
class Step:
    """One command as a user types it; `{best}` stands for what the campaign found. `show`: patterns of lines."""

    command: str
    show: Sequence[str] = ()
    codes: Sequence[int] = (0,)
    needs_best: bool = False
    last: int = 1
    """Of the lines that tell how a campaign goes, so many."""


@dataclass(frozen=True)
class Walk:
    steps: Sequence[Step]
    before: Sequence[str] = ()
    """What was there before: with network, and not shown."""
    environment: Mapping[str, str] = field(default_factory=dict)


def ending(name: str, test: str) -> Sequence[Step]:
    """From what was found to the tree that has it."""
    return (
        Step(f"nightforge export {{best}} --patch {name}.patch", (".",), needs_best=True),
        Step(f"cd {name} && git apply ../{name}.patch && git diff --stat", (".",), needs_best=True),
        Step(f"cd {name} && {test}", (".",), needs_best=True),
    )


WALKS: Mapping[str, Walk] = {
    "c-library": Walk(
        (
            Step(
                "nightforge task init ./c-library --evolve src/gram.c --evolve src/moments.c "
                '--build "make -s" --check "make -s test" --time "./bench/bench {seed}" --tolerance 1e-9'
            ),
            Step("nightforge task check ./c-library", CHECKED),
            Step("nightforge run ./c-library --offline --evaluations 24 --yes", RAN),
            *ending("c-library", "make -s test"),
        )
    ),
    "python-package": Walk(
        (
            Step(
                "nightforge task init ./python-package --evolve src/wordrank/counting.py "
                "--evolve src/wordrank/pairs.py --evolve src/wordrank/ranking.py "
                '--check "python -m pytest -q -p no:cacheprovider" --time "python bench/time_it.py {seed}" --python env'
            ),
            Step("nightforge task check ./python-package", CHECKED),
            Step("nightforge run ./python-package --offline --evaluations 40 --yes", RAN),
            *ending("python-package", "PYTHONPATH=src ../env/bin/python -m pytest -q"),
        ),
        before=("python3 -m venv env && env/bin/pip install -q pytest",),
    ),
    "simulator": Walk(
        (
            Step(
                'nightforge task init ./simulator --evolve policy.py --report "python3 simulate.py {seed} 600" '
                "--metric mean_delay --unit min --seeds 4 --hidden-seeds 6"
            ),
            Step("nightforge task check ./simulator", CHECKED),
            Step("nightforge task check ./simulator --adapt", ("^written", "evidence")),
            Step("nightforge run ./simulator --offline --evaluations 40 --yes", RAN),
            *ending("simulator", "python3 simulate.py 1 600"),
        )
    ),
    "test-stand": Walk(
        (
            Step(
                'nightforge task init ./test-stand --evolve controller.py --report "python3 stand.py {seed}" '
                "--metric mean_error --unit K --seeds 2 --hidden-seeds 3 --measure-s 300"
            ),
            Step("nightforge task check ./test-stand --adapt", CHECKED),
            Step("nightforge run ./test-stand --offline --evaluations 8 --yes", RAN),
            *ending("test-stand", "python3 stand.py 1 0"),
        ),
        environment={"NIGHTFORGE_EVALUATION_SLOTS": "4"},
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Go through docs/own-code.md as a new user would.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(WALKS)}; all of them without one")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary one without")
    parser.add_argument("--no-write", action="store_true", help="leave docs/own-code.md as it is")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(WALKS)
    if unknown:
        parser.error(f"no walk {', '.join(sorted(unknown))}")
    folder = Path(tempfile.mkdtemp(prefix="nightforge-walk-")) if asked.folder is None else asked.folder.absolute()
    for name in asked.names or WALKS:
        place = folder / name
        place.mkdir(parents=True)
        text = walked(name, WALKS[name], place)
        (place / "page.md").write_text(text, encoding="utf-8")
        if not asked.no_write:
            write(name, text)
    return 0


def walked(name: str, walk: Walk, place: Path) -> str:
    """The walk's part of the page. SystemExit when a command ends otherwise than expected."""
    shutil.copytree(EXAMPLES / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "NIGHTFORGE_HOME": str(place / "home"), **walk.environment}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    identity = "-c user.name=n -c user.email=n@example.org"
    for command in (*walk.before, f"cd {name} && git init -q && git add -A && git {identity} commit -qm first"):
        subprocess.run(command, shell=True, check=True, cwd=place)
    parts, best, began = [], "", time.monotonic()
    for step in walk.steps:
        if step.needs_best and not best:
            continue
        command = step.command.replace("{best}", best)
        print(f"{name}: {command}", file=sys.stderr, flush=True)
        ended = subprocess.run(
            [*offline(), "sh", "-c", command], env=environment, cwd=place, capture_output=True, text=True, check=False
        )
        said = f"{ended.stderr}\n{ended.stdout}".replace(f"{place}/", "")
        (place / "log.txt").open("a", encoding="utf-8").write(f"$ {command}\n{said}\n[{ended.returncode}]\n")
        if ended.returncode not in step.codes:
            raise SystemExit(f"{command}\nended with {ended.returncode}:\n{said}")
        if "nightforge run" in command:
            found = FOUND.search(said.partition("Found ")[2])
            best = found["ref"] if found else ""
        parts.append(shown(walk.environment, command, cut(said, step)))
    minutes = (time.monotonic() - began) / 60
    last = "" if best else " Nothing to export."
    return "\n".join([*parts, f"All of it took {minutes:.0f} minutes.{last}", ""])


def offline() -> Sequence[str]:
    """A network namespace without devices, where we may make one."""
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return ("unshare", "--net") if tried.returncode == 0 else ()


def cut(said: str, step: Step) -> list[str]:
    """The lines that the walk shows; of those that only tell the time, the last."""
    lines = [line.rstrip() for line in said.splitlines() if any(re.search(one, line) for one in step.show)]
    going = [line for line in lines if " evaluated (" in line]
    lines = [line for line in lines if line not in going[: -step.last]]
    return lines if len(lines) <= MOST_SHOWN else [*lines[: MOST_SHOWN - 1], f"... {len(lines) - MOST_SHOWN + 1} more"]


def shown(environment: Mapping[str, str], command: str, lines: Sequence[str]) -> str:
    settings = "".join(f"export {key}={value}\n" for key, value in environment.items()) if " run " in command else ""
    output = ["", "```", *lines, "```"] if lines else []
    return "\n".join(["```sh", f"{settings}{command}", "```", *output, ""])


def write(name: str, text: str) -> None:
    """Put a walk's part between its marks. SystemExit where there are none."""
    page = PAGE.read_text(encoding="utf-8")
    changed, count = re.subn(
        BLOCK.format(re.escape(name)), lambda found: f"{found[1]}\n{text}{found[2]}", page, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{PAGE.name}: no part `<!-- walk: {name} -->` … `<!-- end -->`")
    PAGE.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
