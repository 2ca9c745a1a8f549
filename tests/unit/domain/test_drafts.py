from __future__ import annotations

import pytest
from pydantic import ValidationError

from nightforge.domain.team import Draft
from nightforge.domain.words import OperatorKind


def test_a_program_that_is_no_text_is_no_draft() -> None:
    with pytest.raises(ValidationError):
        Draft(source="int a;\ud800", operator=OperatorKind.FULL)
    assert Draft(source="int \u00e4;", operator=OperatorKind.FULL).source == "int \u00e4;"
