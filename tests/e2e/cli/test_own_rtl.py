"""`run --design`: a person's Verilog through the real program, to results that are proved and replayed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest

from evaluators.accelerators.toolchain import TOOLS, lacking

pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(bool(lacking(TOOLS, ("osu018", "osu035"))), reason="; ".join(lacking(TOOLS, ("osu018",)))),
]
DESIGN = """module pick(input [3:0] a, input [3:0] b, input s, output [4:0] y);
  assign y = s ? a + b : a - b;
endmodule
"""


class Ended(Protocol):
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]: ...


class Program(Protocol):
    home: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]: ...
    def run(self, *arguments: str) -> Ended: ...


def test_a_night_on_ones_own_rtl(program: Program, tmp_path: Path) -> None:
    design = tmp_path / "pick.v"
    design.write_text(DESIGN)
    process = program.start(
        *("run", "smaller at 4 ns", "--design", str(design), "--top", "pick"),
        *("--evaluations", "4", "--offline", "--yes", "--json"),
    )
    out, err = process.communicate(timeout=280)  # most of it is waiting where other tests run beside it
    assert process.returncode == 0, err
    launch, done = (json.loads(line) for line in out.splitlines())
    assert done["state"] == "finished"
    assert "delay_ns <= 4 ns" in err
    campaign_id = str(launch["campaign_id"])
    with closing(sqlite3.connect(program.home / "nightforge.db")) as database:
        accepted = database.execute(
            "select c.ordinal, s.tools from candidate c join stage s using (campaign_key, ordinal) "
            "where c.state in ('measured', 'confirmed') and s.stage = 'prove'"
        ).fetchall()
        count = database.execute("select count(*) from candidate where state in ('measured', 'confirmed')").fetchone()[
            0
        ]
    assert count >= 2, "the seed, and what the operator made of its gates"
    assert {json.loads(tools)["proof"] for _, tools in accepted} == {"exhaustive"}
    assert len({ordinal for ordinal, _ in accepted}) == count
    best = max(ordinal for ordinal, _ in accepted)
    replayed = program.run("replay", f"{campaign_id}.{best}", "--json")
    assert replayed.code == 0, replayed.err
    assert replayed.records[0]["agrees"] is True
    assert "exhaustive" in str(replayed.records[0]["proof"])
    exported = program.run("export", f"{campaign_id}.{best}", str(tmp_path / "out"))
    assert exported.code == 0, exported.err
    assert "module pick(" in (tmp_path / "out" / "design.v").read_text()
    assert (tmp_path / "out" / "original.v").read_text() == DESIGN
    assert (tmp_path / "out" / "task" / "task.toml").is_file(), "the task is nowhere else"
    proved = subprocess.run([tmp_path / "out" / "prove.sh"], capture_output=True, text=True, check=False)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    (tmp_path / "out" / "wrong.v").write_text(DESIGN.replace("a - b", "b - a"))
    refused = subprocess.run([tmp_path / "out" / "prove.sh", "wrong.v"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    tree = tmp_path / "tree"
    (tree / "rtl").mkdir(parents=True)
    (tree / "rtl" / "pick.v").write_text(DESIGN)
    patched = program.run("export", f"{campaign_id}.{best}", "--patch", str(tmp_path / "p"), "--file", "rtl/pick.v")
    assert patched.code == 0, patched.err
    subprocess.run(["git", "apply", str(tmp_path / "p")], cwd=tree, check=True)
    assert (tree / "rtl" / "pick.v").read_text() == (tmp_path / "out" / "design.v").read_text()
    assert (Path(str(done["report"])).parent / f"{campaign_id}-front.svg").is_file()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("module pick(input c, d, output reg y);\nalways @(posedge c) y <= d;\nendmodule\n", "keeps a state"),
        ("module pick(input a, output y);\nassign y = $random;\nendmodule\n", "line 2"),
        ("module other(input a, output y);\nassign y = a;\nendmodule\n", "no module pick"),
    ],
)
def test_what_cannot_be_taken_starts_nothing(program: Program, tmp_path: Path, text: str, words: str) -> None:
    design = tmp_path / "pick.v"
    design.write_text(text)
    ended = program.run("run", "smaller", "--design", str(design), "--top", "pick", "--offline", "--yes")
    assert ended.code == 2
    assert words in ended.err
    assert str(design) in ended.err
    assert not (program.home / "nightforge.db").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--design", "{file}"), "--top MODULE is missing"),
        (("--top", "pick"), "--design FILE is missing"),
        (("--design", "{file}", "--top", "pick", "--task", "mul8"), "give one of them"),
        (("--design", "{file}", "--top", "pick", "--liberty", "{file}"), "library"),
        (("--design", "{file}x", "--top", "pick"), "cannot be read"),
    ],
)
def test_flags_that_do_not_go_together(program: Program, tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    design = tmp_path / "pick.v"
    design.write_text(DESIGN)
    filled = [flag.format(file=design) for flag in flags]
    ended = program.run("run", "smaller", *filled, "--offline", "--yes")
    assert ended.code == 2, ended.err
    assert words in ended.err
