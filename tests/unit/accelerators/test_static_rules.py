from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.static_rules import MAX_BYTES, check_text, strip_comments

HEAD = "module cand(input [7:0] a, output [7:0] y);\n"


def body(text: str) -> str:
    return f"{HEAD}{text}\nendmodule\n"


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("assign y = $random;", "system_task", 2),
        ("\n\nassign y = a === 8'd1;", "unsynthesisable", 4),
        ("assign y = 8'hx1;", "undefined_value", 2),
        ("assign y = 4'b?z00;", "undefined_value", 2),
        ("assign y = 'x;", "undefined_value", 2),
        ("assign #3 y = a;", "delay", 2),
        ("and #2 (y[0], a[0], a[1]);", "delay", 2),
        ("always @* begin #5 y = a; end", "delay", 2),
        ("always @(posedge a[0]) y = a;", "clocked", 2),
        ("initial y = 0;", "initial_block", 2),
        ("reg [7:0] t = 8'd3;", "initial_block", 2),
        ("logic t = 1'b1;", "initial_block", 2),
        ("(* keep *) wire t;", "attribute", 2),
        ("( * keep *) wire t;", "attribute", 2),
        ("wire [7:0] \\a//b = a;", "escaped_name", 2),
        ("`define X 1", "directive", 2),
        ('`include "x.v"', "directive", 2),
        ('wire [15:0] t = "ab";', "string", 2),
        ("tri t;", "several_drivers", 2),
        ("defparam m.N = 1;", "unsynthesisable", 2),
        ("assign y = a; // fine\nwire \u0430;", "not_text", 3),
    ],
)
def test_what_is_refused_and_where(text: str, reason: str, line: int) -> None:
    with pytest.raises(Refused) as refused:
        check_text(body(text))
    assert refused.value.reason == reason
    assert refused.value.feedback.startswith(f"line {line}: ")


@pytest.mark.parametrize(
    "text",
    [
        'assign y = a; // $finish `define "x" (* keep *) posedge',
        "/* initial \n $display */ assign y = a;",
        "m #(.N(3)) inner(.a(a), .y(y));",
        "always @(*) y = a;",
        "always @( * ) y = a;",
        "casez (a) 8'b1???_????: y = 1; endcase",
        "localparam [7:0] K = 8'hFF; parameter logic [3:0] Z = 4'd1;",
        "wire [7:0] t = a; wire u = a == 8'd1;",
        "assign y = a * (a) ** 2;",
        "function [7:0] f(input [7:0] x); f = x; endfunction",
        "for (int i = 0; i < 8; i++) begin end",
        "assign y = $signed(a) >>> $clog2(8);",
        "wire zeroxedge, finally, time_of, x, z;",
    ],
)
def test_honest_text_is_not_refused(text: str) -> None:
    check_text(body(text))


def test_lines_stay_where_they_were() -> None:
    source = "// one\n/* two\nthree */ module cand(); // four\nendmodule"
    stripped = check_text(source)
    assert stripped.splitlines()[2].strip() == "module cand();"
    assert len(stripped) == len(source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (body("assign y = a;" * (MAX_BYTES // 8)), "too_long"),
        (body("assign y = a; // \ud800"), "not_text"),
        ("module other(); endmodule", "no_top"),
        ("// module cand\nmodule candidate(); endmodule", "no_top"),
        ("", "no_top"),
    ],
)
def test_size_encoding_and_top(source: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_text(source)
    assert refused.value.reason == reason


@given(st.text(alphabet='/*"\\\n ab$`#(', max_size=60))
def test_no_comment_survives_and_nothing_grows(text: str) -> None:
    """Whatever the text: after the rules there is no comment left that could steer a tool."""
    stripped = strip_comments(text)
    assert len(stripped) == len(text)
    assert stripped.count("\n") == text.count("\n")
    try:
        checked = check_text(f"module cand();{text}\nendmodule")
    except Refused:
        return
    assert "//" not in checked
    assert "/*" not in checked
