"""Whatever is asked, however badly: an answer that says so, never a fault of ours."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_client import ADDRESS, Browser, CampaignMaker

ODD = (
    "",
    "-1",
    "0",
    "1e3",
    "1.5",
    "NaN",
    "9" * 30,
    "9" * 5000,
    "%00",
    "%FF%FE",
    "%ED%A0%80",
    "%F0%9F%92%A9",
    "';DROP TABLE candidate;--",
    "../../etc/passwd",
    "{{7*7}}",
    "[]",
    "null",
    "True",
    "١٢",
    ",,,",
    "1,2,3,4,5,6,7",
    "a" * 3000,
)
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SEGMENT = st.one_of(
    st.sampled_from(["c", "new", "static", "doctor", "candidates", "compare", "lineage", "report", "stream", "0", "1"]),
    st.text(min_size=1, max_size=12),
)
VALUE = st.one_of(st.sampled_from(ODD), st.text(max_size=20), st.integers().map(str), st.floats().map(str))
FIELD = st.one_of(
    st.sampled_from(
        ["goal", "text", "minutes", "usd", "seed", "task", "number", "until", "now", "back", "preset", "person"]
    ),
    st.text(max_size=8),
)


async def gets(browser: Browser) -> dict[str, list[str]]:
    """Each page's twin with the names of its query."""
    paths = (await browser.get("/openapi.json")).json()["paths"]
    return {
        path: [one["name"] for one in methods["get"].get("parameters", ()) if one["in"] == "query"]
        for path, methods in paths.items()
        if "get" in methods
    }


async def test_odd_values_in_every_query(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.2, None)).campaign_id
    for path, names in (await gets(browser)).items():
        address = path.replace("{campaign}", named).replace("{ordinal}", "1")
        for name in names:
            for odd in ODD:
                for shown in {address, address.removesuffix(".json").replace("/campaigns", "/")}:
                    answer = await browser.get(f"{shown}?{name}={quote(odd, safe='%')}")
                    assert answer.status_code < 500, f"{shown}?{name}={odd[:40]}: {answer.status_code}"


async def test_odd_values_in_every_path(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0)).campaign_id
    for path in await gets(browser):
        for odd in ODD:
            value = quote(odd, safe="%") or "%20"
            for address in (
                path.replace("{campaign}", value).replace("{ordinal}", "1"),
                path.replace("{campaign}", named).replace("{ordinal}", value),
            ):
                if "{" in path and not path.endswith("doctor.json"):
                    answer = await browser.get(address)
                    assert answer.status_code < 500, f"{address[:80]}: {answer.status_code}"


async def test_odd_values_in_every_form(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0)).campaign_id
    paths = (await browser.get("/openapi.json")).json()["paths"]
    names = (
        "goal",
        "text",
        "number",
        "minutes",
        "evaluations",
        "usd",
        "tokens",
        "until",
        "seed",
        "task",
        "answer.task",
    )
    for path in (path for path, methods in paths.items() if "post" in methods):
        address = path.replace("{campaign}", named).replace("{ordinal}", "0").replace("{mark}", "star")
        if address.endswith(("/resume", "/start")):  # they wait for a process
            continue
        seal = await browser.seal()
        for odd in ODD:
            body = "&".join([f"seal={seal}", *(f"{name}={quote(odd, safe='%')}" for name in names)])
            headers = {"origin": ADDRESS, "content-type": "application/x-www-form-urlencoded"}
            answer = await browser.client.post(address, content=body.encode(), headers=headers)
            assert answer.status_code < 500, f"{address}: {odd[:40]}"


@FEW
@given(segments=st.lists(SEGMENT, max_size=5), query=st.lists(st.tuples(FIELD, VALUE), max_size=3))
async def test_any_address(browser: Browser, segments: list[str], query: list[tuple[str, str]]) -> None:
    if segments[:1] == ["doctor"]:
        return
    path = "/" + "/".join(quote(each.encode("utf-8", "surrogatepass"), safe="") for each in segments)
    pairs = "&".join(
        f"{quote(name.encode('utf-8', 'surrogatepass'))}={quote(value, safe='%')}" for name, value in query
    )
    answer = await browser.get(f"{path}?{pairs}" if pairs else path)
    assert answer.status_code < 500


@FEW
@given(fields=st.lists(st.tuples(FIELD, VALUE), max_size=6), kind=st.sampled_from(["form", "json", "bytes"]))
async def test_any_form(browser: Browser, fields: list[tuple[str, str]], kind: str) -> None:
    seal = await browser.seal()
    headers = {"origin": ADDRESS, "x-nightforge-seal": seal}
    if kind == "json":
        content = json.dumps(dict(fields)).encode("utf-8", "surrogatepass")
        headers["content-type"] = "application/json"
    else:
        content = "&".join(f"{name}={value}" for name, value in fields).encode("utf-8", "surrogatepass")
        headers["content-type"] = "application/x-www-form-urlencoded" if kind == "form" else "application/octet-stream"
    for path in ("/new", "/look"):
        answer: httpx.Response = await browser.client.post(path, content=content, headers=headers)
        assert answer.status_code < 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a": [1]}',
        b'{"a": NaN}',
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
async def test_json_that_is_none(browser: Browser, body: bytes) -> None:
    headers = {"origin": ADDRESS, "x-nightforge-seal": await browser.seal(), "content-type": "application/json"}
    answer = await browser.client.post("/new", content=body, headers=headers)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_other_methods(browser: Browser, method: str) -> None:
    for path in ("/", "/new", "/c/x/hint", "/static/app.css"):
        answer = await browser.client.request(method, path, headers={"origin": ADDRESS})
        assert 400 <= answer.status_code < 500


async def test_headers_that_are_none(browser: Browser) -> None:
    for name, value in (
        ("cookie", "nightforge_session=\x01; ="),
        ("cookie", "nightforge_look=" + "x" * 4000),
        ("cookie", "nightforge_person=%FF%00%ED%A0%80"),
        ("content-length", "-5"),
        ("content-length", "9" * 40),
        ("authorization", "Bearer \xe9"),
        ("accept", "\xff"),
    ):
        answer = await browser.client.get("/nowhere", headers=[(name.encode(), value.encode("latin-1"))])
        assert answer.status_code < 500, (name, value)


async def test_an_address_has_a_largest_length(browser: Browser) -> None:
    assert (await browser.get("/new?goal=" + "a" * 9000)).status_code == 414
