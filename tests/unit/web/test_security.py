"""Who is let in, and what a browser may do with the answer."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from web_client import ADDRESS, SECRET, AppMaker, Browser, CampaignMaker

from nightforge.errors import StoreFault
from nightforge.store import SqlStore
from nightforge.web.actions import local_path
from nightforge.web.security import LARGEST_BODY, POLICY, Admission, Seals, is_loopback, keep_secret, split_host

SEALS = Seals(SECRET)


@asynccontextmanager
async def client_of(app: FastAPI, address: str = ADDRESS) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=address) as client:
        yield client


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765"])
    async def test_the_machines_own_names_are_answered(self, browser: Browser, host: str) -> None:
        assert (await browser.get("/campaigns.json", host=host)).status_code == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "evil.example#localhost", "a b", "["],
    )
    async def test_a_rebound_name_is_not(self, browser: Browser, host: str) -> None:
        answer = await browser.get("/campaigns.json", host=host)
        assert answer.status_code == 421
        assert "schema_version" not in answer.text

    async def test_behind_a_proxy_its_name_may_be_given(self, make_app: AppMaker) -> None:
        admission = Admission.of("127.0.0.1", more=["Forge.Example"])
        async with client_of(make_app(admission)) as client:
            assert (await client.get("/campaigns.json", headers={"host": "forge.example"})).status_code == 200

    def test_a_name_is_read_without_its_port(self) -> None:
        assert [split_host(text) for text in ("A:1", "[::1]:2", "a/b", "a\\b", "", "a:b:c")] == [
            "a",
            "::1",
            "",
            "",
            "",
            "a",
        ]

    def test_loopback_is_an_address_not_a_prefix(self) -> None:
        assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")] == [True] * 5
        assert [is_loopback(host) for host in ("127.0.0.1.evil", "0.0.0.0", "192.0.2.1", "")] == [False] * 4


class TestToken:
    def elsewhere(self, make_app: AppMaker) -> FastAPI:
        return make_app(Admission.of("0.0.0.0", needs_token=True))

    async def test_nothing_is_shown_without_it(self, make_app: AppMaker) -> None:
        async with client_of(self.elsewhere(make_app), "http://forge.example") as client:
            for path in ("/", "/campaigns.json", "/new", "/doctor.json", "/openapi.json", "/c/x/stream", "/nowhere"):
                answer = await client.get(path)
                assert answer.status_code == 401, path
                assert "schema_version" not in answer.text

    @pytest.mark.parametrize("shown", ["", "wrong", SEALS.token[:-1], SEALS.token.upper(), "é" * 64])
    async def test_a_wrong_one_is_none(self, make_app: AppMaker, shown: str) -> None:
        async with client_of(self.elsewhere(make_app), "http://forge.example") as client:
            assert (await client.get("/campaigns.json", params={"token": shown})).status_code == 401
            client.cookies.set("nightforge_token", "wrong")
            assert (await client.get("/campaigns.json")).status_code == 401

    async def test_the_address_turns_it_into_a_cookie(self, make_app: AppMaker) -> None:
        async with client_of(self.elsewhere(make_app), "http://forge.example") as client:
            first = await client.get("/campaigns.json", params={"token": SEALS.token, "limit": "3"})
            assert (first.status_code, first.headers["location"]) == (303, "/campaigns.json?limit=3")
            assert "HttpOnly" in first.headers["set-cookie"]
            assert "SameSite=Lax" in first.headers["set-cookie"]
            assert (await client.get(first.headers["location"])).status_code == 200

    async def test_a_program_shows_it_in_a_header(self, make_app: AppMaker, make_campaign: CampaignMaker) -> None:
        campaign = await make_campaign(1.0)
        bearer = {"authorization": f"Bearer {SEALS.token}"}
        async with client_of(self.elsewhere(make_app), "http://forge.example") as client:
            assert (await client.get("/campaigns.json", headers=bearer)).status_code == 200
            posted = await client.post(f"/c/{campaign.campaign_id}/note", json={"text": "by a program"}, headers=bearer)
            assert (posted.status_code, posted.json()["said"]) == (200, "The note is kept.")

    async def test_the_redirect_leads_nowhere_else(self, make_app: AppMaker) -> None:
        async with client_of(self.elsewhere(make_app), "http://forge.example") as client:
            for path in ("//evil.example/", "/\\evil.example/", "/%2F%2Fevil.example"):
                answer = await client.get(f"http://forge.example{path}?token={SEALS.token}")
                assert not answer.headers.get("location", "/").startswith(("//", "/\\", "http"))


class TestWriting:
    async def test_a_form_of_ours_is_taken(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        campaign = await make_campaign(1.0)
        answer = await browser.post(f"/c/{campaign.campaign_id}/note", {"text": "look here"})
        assert answer.status_code == 303
        assert [note.text for note in store.notes(campaign.campaign_id)] == ["look here"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": "http://127.0.0.1:9999"},
            {"referer": "http://evil.example/127.0.0.1:8765"},
            {"origin": ADDRESS, "sec-fetch-site": "cross-site"},
            {"origin": ADDRESS, "sec-fetch-site": "same-site"},
            {},
        ],
    )
    async def test_another_sites_form_is_not(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, headers: Mapping[str, str]
    ) -> None:
        campaign = await make_campaign(1.0)
        form = {"seal": await browser.seal(), "text": "forged"}
        answer = await browser.client.post(f"/c/{campaign.campaign_id}/note", data=form, headers=dict(headers))
        assert answer.status_code == 403
        assert store.notes(campaign.campaign_id) == ()

    @pytest.mark.parametrize(
        "seal",
        [
            "",
            "x",
            "0" * 16 + "." + "0" * 64,
            "é.é",
            pytest.param(SEALS.seal("another session"), id="of another session"),
        ],
    )
    async def test_a_form_needs_the_seal_of_its_session(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, seal: str
    ) -> None:
        campaign = await make_campaign(1.0)
        await browser.seal()
        form = {"seal": seal, "text": "forged"}
        answer = await browser.client.post(f"/c/{campaign.campaign_id}/note", data=form, headers={"origin": ADDRESS})
        assert answer.status_code == 403
        assert store.notes(campaign.campaign_id) == ()

    async def test_every_action_of_the_description_is_guarded(
        self, browser: Browser, make_campaign: CampaignMaker
    ) -> None:
        """Whatever posts there are, now and later: none is reached by another site, or without a seal."""
        campaign = await make_campaign(1.0, 1.2)
        paths = (await browser.get("/openapi.json")).json()["paths"]
        posts = [path for path, methods in paths.items() if "post" in methods]
        assert len(posts) >= 12
        for path in posts:
            address = (
                path.replace("{campaign}", campaign.campaign_id).replace("{ordinal}", "1").replace("{mark}", "star")
            )
            by_other = await browser.client.post(address, headers={"origin": "http://evil.example"})
            unsealed = await browser.client.post(address, headers={"origin": ADDRESS})
            assert (by_other.status_code, unsealed.status_code) == (403, 403), path

    async def test_reading_changes_nothing(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        campaign = await make_campaign(1.0)
        before = store.events(campaign.campaign_id)
        for word in ("note", "pause", "stop", "start", "budget", "0/star", "0/discard"):
            assert (await browser.get(f"/c/{campaign.campaign_id}/{word}?text=x")).status_code in {404, 405}
        assert store.events(campaign.campaign_id) == before

    async def test_a_body_has_a_largest_size(self, browser: Browser) -> None:
        async def endless() -> AsyncIterator[bytes]:
            for _ in range(LARGEST_BODY // 1024 + 2):
                yield b"x" * 1024

        headers = {"origin": ADDRESS, "content-type": "application/x-www-form-urlencoded"}
        said = await browser.client.post("/new", content=b"x" * (LARGEST_BODY + 1), headers=headers)
        unsaid = await browser.client.post("/new", content=endless(), headers=headers)
        assert (said.status_code, unsaid.status_code) == (413, 413)

    def test_the_way_back_stays_here(self) -> None:
        for path in (
            "//evil.example",
            "http://evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "",
            "/a\r\nb: c",
        ):
            assert local_path(path, "/home") == "/home"
        assert local_path("/c/x?page=2", "/home") == "/c/x?page=2"


class TestAnswers:
    @pytest.mark.parametrize("path", ["/", "/campaigns.json", "/new", "/nowhere", "/openapi.json", "/static/app.css"])
    async def test_a_browser_may_do_little_with_them(self, browser: Browser, path: str) -> None:
        headers = (await browser.get(path)).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers

    def test_the_policy_lets_nothing_inline_run_and_nothing_leave(self) -> None:
        assert "unsafe" not in POLICY
        assert "http" not in POLICY
        assert "*" not in POLICY
        assert "default-src 'none'" in POLICY

    async def test_the_sessions_cookie_is_out_of_scripts_reach(self, browser: Browser) -> None:
        cookie = (await browser.get("/nowhere")).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    @pytest.mark.parametrize(
        "path",
        [
            "/static/../app.py",
            "/static/..%2fapp.py",
            "/static/%2e%2e/app.py",
            "/static//etc/passwd",
            "/static/vendored/..%5c..%5capp.py",
            "/static/%00",
            "/static/" + "a" * 300,
        ],
    )
    async def test_static_files_are_all_that_static_has(self, browser: Browser, path: str) -> None:
        answer = await browser.client.get(path)
        assert answer.status_code in {400, 404, 405}
        assert "import" not in answer.text


class TestSecret:
    def test_it_stays_the_same_and_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        home = tmp_path / "new" / "home"
        first = keep_secret(home)
        assert len(first) == 32
        assert keep_secret(home) == first
        assert stat.S_IMODE((home / "web.key").stat().st_mode) == 0o600

    def test_a_cut_off_file_is_made_anew(self, tmp_path: Path) -> None:
        (tmp_path / "web.key").write_bytes(b"short")
        assert len(keep_secret(tmp_path)) == 32

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(StoreFault, match="key cannot be kept"):
            keep_secret(tmp_path / "home")

    def test_a_file_where_the_home_should_be_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("")
        with pytest.raises(StoreFault, match="key cannot be kept"):
            keep_secret(tmp_path / "home")

    def test_it_shows_in_no_repr(self) -> None:
        assert SECRET.decode() not in repr(SEALS)

    def test_a_seal_is_new_each_time_and_holds_for_its_session(self) -> None:
        one, two = SEALS.seal("a"), SEALS.seal("a")
        assert one != two
        assert SEALS.holds("a", one)
        assert SEALS.holds("a", two)
        assert not SEALS.holds("b", one)
        assert not SEALS.holds("", one)
        assert not Seals(b"other").holds("a", one)
