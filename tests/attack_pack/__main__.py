"""Run the attack pack: every attack bare (it must succeed there) and in every sandbox tier that works here.

`make attacks` writes the table of docs/security.md; `PYTHONPATH=.:tests python -m attack_pack` prints the verdicts.
`--only NAME,NAME` and `--tiers bubblewrap,docker` narrow it, `--quick` leaves out what takes long, `--json FILE` keeps
all findings. Exit 1 when a tier broke or nothing was proved.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from attack_pack.manifest import Attack, load_attacks
from attack_pack.observe import BARE
from attack_pack.table import markdown, put_into, summary
from attack_pack.verdicts import Verdict, Word, decide, run_pack, working_tiers

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "security.md"


def main() -> int:
    arguments = parse()
    only = frozenset(filter(None, arguments.only.split(","))) or None
    attacks = load_attacks(only)
    if arguments.quick:
        attacks = tuple(attack for attack in attacks if not attack.slow)
    tiers = arguments.tiers.split(",") if arguments.tiers else working_tiers()
    if not tiers:
        sys.stderr.write("no sandbox tier works here: run `nightforge doctor`\n")
        return 6
    verdicts, record = run(attacks, tiers)
    for verdict in verdicts:
        say(f"{verdict.word.value:<8} {verdict.tier:<12} {verdict.attack:<28} {verdict.why}")
    say(summary(verdicts, tiers))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if arguments.write:
        cells = {(verdict.attack, verdict.tier): verdict for verdict in verdicts}
        said = f"{summary(verdicts, tiers)} ({datetime.now(UTC):%Y-%m-%d}, {len(attacks)} attacks).\n\n"
        table = said + markdown(attacks, cells, tiers)
        DOCUMENT.write_text(put_into(DOCUMENT.read_text(encoding="utf-8"), table), encoding="utf-8")
    return 0 if all(verdict.word is Word.HELD for verdict in verdicts) else 1


def run(attacks: Sequence[Attack], tiers: Sequence[str]) -> tuple[list[Verdict], dict[str, object]]:
    """Verdicts by attack, then tier, and all findings."""
    found = run_pack(attacks, tiers)
    verdicts = [
        decide(found[BARE].get(attack.name), found[tier].get(attack.name), attack=attack.name, tier=tier)
        for attack in attacks
        for tier in tiers
    ]
    record: dict[str, object] = {
        name: [finding.model_dump(mode="json") for finding in findings.values()] for name, findings in found.items()
    }
    return verdicts, record


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of attacks, separated by commas")
    parser.add_argument("--tiers", default="", help="tiers, separated by commas; default: all that work here")
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    parser.add_argument("--json", default="", help="a file for all findings")
    parser.add_argument("--write", action="store_true", help="put the table into docs/security.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
