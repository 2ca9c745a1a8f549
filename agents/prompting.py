"""Prompts are versioned Markdown templates in `agents/prompts`: loaded from the package, filled in strictly.

A template begins with front matter (`role`, `version`) and has named sections, each opened by a line `%% name`.
`$name` stands for a value; `$$` for a dollar sign. Values are inserted once and never read as template text, so that
a candidate's code cannot name a value of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from nightforge.domain.model import Message

_FRONT_MATTER = re.compile(r"\A---\nrole: (?P<role>[a-z]+)\nversion: (?P<version>\d+)\n---\n", re.ASCII)
_SECTION = re.compile(r"^%% (?P<name>[a-z_]+)\n", re.MULTILINE)


class PromptError(ValueError):
    """A template of ours is malformed, or its values are not the ones it names: a bug, never a user's mistake."""


@dataclass(frozen=True)
class Prompt:
    """One role's template."""

    name: str
    role: str
    version: int
    sections: Mapping[str, Template]

    def names(self, section: str) -> frozenset[str]:
        return frozenset(self._template(section).get_identifiers())

    def fill(self, section: str, **values: str) -> str:
        """The section with its values; PromptError unless exactly the named values are given."""
        template = self._template(section)
        wanted = set(template.get_identifiers())
        if wanted != set(values):
            missing, unknown = sorted(wanted - set(values)), sorted(set(values) - wanted)
            raise PromptError(f"prompt {self.name}, section {section}: missing {missing}, unknown {unknown}")
        return template.substitute(values).strip()

    def messages(self, system: str, user: str) -> tuple[Message, ...]:
        return (Message(role="system", content=system), Message(role="user", content=user))

    def _template(self, section: str) -> Template:
        if section not in self.sections:
            raise PromptError(f"prompt {self.name} has no section {section}; it has {sorted(self.sections)}")
        return self.sections[section]


def load_prompt(name: str) -> Prompt:
    """The template `agents/prompts/<name>.md`; PromptError names what is wrong with it."""
    text = (files("agents") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    return parse_prompt(name, text)


def parse_prompt(name: str, text: str) -> Prompt:
    front = _FRONT_MATTER.match(text)
    if front is None:
        raise PromptError(f"prompt {name}: no front matter with role and version")
    parts = _SECTION.split(text[front.end() :])
    if parts[0].strip():
        raise PromptError(f"prompt {name}: text before the first section")
    names, bodies = parts[1::2], parts[2::2]
    if not names or len(set(names)) != len(names):
        raise PromptError(f"prompt {name}: sections {names} are none, or not distinct")
    sections = {section: Template(body) for section, body in zip(names, bodies, strict=True)}
    for section, template in sections.items():
        if not template.is_valid():
            raise PromptError(f"prompt {name}, section {section}: a lone $ (write $$)")
    return Prompt(name=name, role=front["role"], version=int(front["version"]), sections=sections)
