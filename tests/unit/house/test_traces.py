"""No tracked file names a machine's paths or an index; nothing shipped loads anything from the network."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

# Spelled with a character class each, so that this file does not find itself.
PATHS = {
    "somebody's home": re.compile(r"(?<![\w.~$}])/(?:[h]ome|[U]sers)/(?!me/)[A-Za-z0-9_.-]+/"),
    "root's home": re.compile(r"(?<![\w.~$}])/[r]oot/(?!\.ssh\b|\.bashrc\b)[A-Za-z0-9_.-]+"),
    "a work folder": re.compile(r"(?<![\w.~$}])/[w]ork(?:space)?/"),
    "a temporary virtual environment": re.compile(r"/tmp/[v]env"),
    "a local wheel or index folder": re.compile(r"/opt/(?:[w]heels|[p]ypi)"),
}
HOSTS = {
    "a package index": re.compile(r"\b(?:[p]ypi\.org|files\.[p]ythonhosted\.org|[t]est\.pypi)|/[s]imple/?(?:\s|$)"),
    "a private registry": re.compile(r"(?i)\b[a]rtifactory\b|\b[d]evpi\b|\b[n]exus[./-]repo|\.[i]nternal\b|\.[c]orp\b"),
    "a private address": re.compile(r"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b"),
}
IN_REQUIREMENTS = re.compile(
    r"(?m)^\s*(?:--(?:extra-)?index-url|-i\b|--find-links|-f\b|--trusted-host|.*\bfile:|.*https?://)"
)
NETWORK = re.compile(
    r"(?i)\bhttps?://(?!127\.0\.0\.1|localhost|\[::1\]|www\.w3\.org/)|(?<![:\w/])//(?:[a-z0-9-]+\.)+[a-z]{2,}/"
)
PAGES = (".html", ".htm", ".css", ".js", ".mjs", ".svg", ".j2", ".jinja", ".md")
SHIPPED = ("agents/", "evaluators/", "nightforge/", "sandbox/", "tasks/", "tools/", "workflows/")


def hits(pattern: re.Pattern[str], texts: Mapping[str, str]) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in texts.items()
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("what", [*PATHS, *HOSTS])
def test_no_file_names(what: str, texts: Mapping[str, str]) -> None:
    assert hits({**PATHS, **HOSTS}[what], texts) == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("somebody's home", "see /{}ome/jane/src/x.py".format("h")),
        ("root's home", "/{}oot/project".format("r")),
        ("a work folder", "'/{}ork/main'".format("w")),
        ("a temporary virtual environment", "/tmp/{}env/bin".format("v")),
        ("a local wheel or index folder", "/opt/{}heels".format("w")),
        ("a package index", "https://{}ypi.org/simple".format("p")),
        ("a private registry", "https://{}rtifactory.example/x".format("a")),
        ("a private address", "http://10.{}.0.1/".format("0")),
    ],
)
def test_each_pattern_finds_its_kind(what: str, text: str) -> None:
    assert {**PATHS, **HOSTS}[what].search(text)


def test_requirement_files_record_no_index(texts: Mapping[str, str]) -> None:
    requirements = {name: text for name, text in texts.items() if name.startswith("requirements/")}
    assert {"requirements/core.txt", "requirements/dev.txt", "requirements/build.txt"} <= set(requirements)
    assert hits(IN_REQUIREMENTS, requirements) == []


def test_shipped_pages_and_prompts_load_nothing_from_the_network(texts: Mapping[str, str]) -> None:
    # Libraries of others are held to their digests, and a browser's test sees that no request leaves the host.
    shipped = {name: text for name, text in texts.items() if name.startswith(SHIPPED) and "/vendored/" not in name}
    pages = {name: text for name, text in shipped.items() if name.endswith(PAGES)}
    assert pages
    assert hits(NETWORK, pages) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<script src="https://cdn.example.com/x.js">', True),
        ('<link href="//fonts.example.com/css">', True),
        ("url(http://127.0.0.1:8000/a)", False),
        ("// a comment", False),
    ],
)
def test_network_addresses_are_recognised(text: str, found: bool) -> None:
    assert bool(NETWORK.search(text)) is found
