"""The report as one file: nothing is fetched, nothing runs, and nothing that a candidate wrote becomes markup."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nightforge.cli.report import write_all
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.errors import UserError
from nightforge.report import ReportData, build_report
from nightforge.report.html import bullets, cell_class, diff_lines, render_body, to_html
from nightforge.report.model import Bullets, Code, Column, Paragraph, Picture, Report, Section, Table

Scene = Callable[..., Awaitable[ReportData]]
WON = (1.25, 1.24, CandidateState.CONFIRMED)
BROKEN = (None, None, CandidateState.REJECTED)
HOSTILE = "</style></title><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)> \"'& \x1b[2J\u202e"
FETCHING = frozenset({"src", "href", "srcset", "action", "data", "poster", "formaction", "background", "ping"})


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self.stack: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "br", "img", "circle", "line", "rect", "polyline", "path"}:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"circle", "line", "rect", "polyline", "path"}:
            return
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def assert_harmless(text: str) -> Reader:
    found = read(text)
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & set(found.tags)
    assert not [one for one in found.attributes if one[1] in FETCHING or one[1].startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert not found.wrong
    assert not found.stack
    assert "\x1b" not in text
    assert "\u202e" not in text
    return found


async def test_the_file_needs_nothing_and_says_what_the_report_says(scene: Scene) -> None:
    report = build_report(await scene(WON, BROKEN))
    found = assert_harmless(to_html(report))
    words = " ".join("".join(found.words).split())
    assert " ".join(report.headline.split()) in words
    for section in report.sections:
        assert section.title in words
    assert "svg" in found.tags, "the course of the night is drawn"
    assert len(to_html(report).encode()) < 150_000


@pytest.mark.parametrize(
    "where", ["headline", "goal", "warning", "cell", "heading", "bullet", "code", "caption", "figure"]
)
def test_hostile_words_stay_words(where: str) -> None:
    def said(place: str) -> str:
        return HOSTILE if where == place else "words"

    table = Table(columns=(Column(title=said("heading")),), rows=((said("cell"),),))
    blocks = (
        Paragraph(text="words"),
        Bullets(items=(said("bullet"), f"  {said('bullet')}")),
        Code(language="diff", text=f"+{said('code')}\n-x\n@@ @@"),
        table,
        Picture(name="p", title=said("caption"), text=said("caption"), svg='<svg class="plot"></svg>', twin=table),
    )
    report = Report(
        campaign_id="abc-def",
        goal=said("goal"),
        headline=said("headline"),
        warnings=(said("warning"),),
        figures=({"value": said("figure"), "label": said("figure")},),  # type: ignore[arg-type]
        sections=(Section(name="s", title="A section", blocks=blocks),),
    )
    found = assert_harmless(to_html(report))
    assert any("<script>alert(1)</script>" in text for text in found.words)


async def test_the_body_alone_has_no_style_and_no_script_for_pages_with_a_strict_policy(scene: Scene) -> None:
    body = str(render_body(build_report(await scene(WON, BROKEN))))
    found = assert_harmless(body)
    assert "style" not in found.tags
    assert not [one for one in found.attributes if one[1] == "style"]
    assert "html" not in found.tags


async def test_a_campaign_that_runs_has_a_report_too(scene: Scene) -> None:
    report = build_report(await scene((1.2, None, CandidateState.MEASURED), state=CampaignState.RUNNING))
    assert "Still running" in to_html(report)
    assert_harmless(to_html(report))


async def test_all_three_kinds_are_written_and_the_json_reads_back(scene: Scene, tmp_path: Path) -> None:
    report = build_report(await scene(WON, BROKEN))
    paths = write_all(tmp_path / "reports", "night", report)
    assert Report.model_validate_json(paths["json"].read_text()) == report
    assert paths["html"].read_text() == to_html(report)
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert names == ["night-progress.svg", "night.html", "night.json", "night.md"], "nothing half-written lies about"
    assert "<style>" in (tmp_path / "reports" / "night-progress.svg").read_text(), "the picture has its colours with it"


async def test_a_place_that_cannot_be_written_is_said(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_all(tmp_path / "file" / "reports", "night", build_report(await scene(WON)))


def test_a_state_has_its_colour_by_its_word() -> None:
    assert cell_class("▲ confirmed") == "ok"
    assert cell_class("⚠ suspicious ★") == "warn"
    assert cell_class("confirmed") == ""
    assert cell_class("a measured") == ""
    assert cell_class("") == ""


def test_diffs_and_lists_by_line() -> None:
    assert diff_lines("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z") == [
        ("h", "--- a"),
        ("h", "+++ b"),
        ("h", "@@ -1 +1 @@"),
        ("d", "-x"),
        ("a", "+y"),
        ("c", " z"),
    ]
    assert bullets(("  alone", "one", "  below", "two")) == [("alone", []), ("one", ["below"]), ("two", [])]
