"""`nightforge serve` as it is used: addresses, errors, restarts, and a night from a goal to its end over the wire."""

from __future__ import annotations

import json
import signal
import socket
import stat
import threading
from collections.abc import Iterator

import httpx
import pytest
from web_client.server import Server, wait_for

GOAL = "climb the hill to its peak"


class TestAddress:
    def test_it_prints_where_it_is_and_ends_when_asked(self, server: Server) -> None:
        record = server.start()
        assert record["kind"] == "serve"
        assert str(record["url"]).startswith("http://127.0.0.1:")
        assert "token" not in str(record["url"])
        assert server.twin("/campaigns.json")["campaigns"] == []
        assert server.stop(signal.SIGINT) == 0

    def test_a_taken_port_is_said_with_the_way_on(self, server: Server) -> None:
        server.start()
        second = server.run("serve", "--port", str(server.port))
        assert second.returncode == 2
        assert f"port {server.port} is taken" in second.stderr
        assert "hint:" in second.stderr
        assert "--port 0" in second.stderr
        assert "Traceback" not in second.stderr

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--host", "no such host"), "no address of this machine"),
            (("--host", "192.0.2.77"), "cannot be listened at"),
            (("--port", "70000"), "65535"),
        ],
    )
    def test_an_address_that_is_none_is_a_mistake_of_use(
        self, server: Server, words: tuple[str, ...], said: str
    ) -> None:
        ended = server.run("serve", *words)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_elsewhere_it_asks_for_the_token_that_it_printed(self, server: Server) -> None:
        url = str(server.start("--host", "0.0.0.0")["url"])
        assert "?token=" in url
        assert httpx.get(f"{server.base}/campaigns.json").status_code == 401
        with httpx.Client(follow_redirects=True) as client:
            assert client.get(url).status_code == 200
            assert client.get(f"{server.base}/campaigns.json").status_code == 200
        server.stop()
        # The same at each start: an open page, and its stream, go on.
        assert str(server.start("--host", "0.0.0.0")["url"]) == url
        assert stat.S_IMODE((server.home / "web.key").stat().st_mode) == 0o600

    def test_a_rebound_name_is_not_answered(self, server: Server) -> None:
        server.start()
        assert server.client.get(f"{server.base}/campaigns.json", headers={"host": "evil.example"}).status_code == 421


class Follower:
    """Reads a stream in a thread, as a browser does, and comes back with the last number it saw."""

    def __init__(self, address: str, last: int) -> None:
        self.address = address
        self.numbers: list[int] = []
        self.last = last
        self.connections = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def _follow(self) -> None:
        while not self.ended.is_set():
            try:
                headers = {"last-event-id": str(self.last)} if self.connections else {}
                with httpx.stream("GET", self.address, headers=headers, timeout=httpx.Timeout(30.0)) as answer:
                    self.connections += 1
                    for line in answer.iter_lines():
                        if line.startswith("id: "):
                            self.last = int(line[4:])
                            self.numbers.append(self.last)
                        if self.ended.is_set():
                            return
            except httpx.TransportError:
                self.ended.wait(0.2)


@pytest.fixture
def followers() -> Iterator[list[Follower]]:
    made: list[Follower] = []
    yield made
    for one in made:
        one.ended.set()


class TestRestart:
    def test_a_stream_comes_back_after_a_restart_without_loss(self, server: Server, followers: list[Follower]) -> None:
        planned = server.run("run", GOAL, "--task", "toy-peak", "--evaluations", "5", "--plan-only", "--json")
        named = json.loads(planned.stdout)["campaign_id"]
        server.start()
        follower = Follower(f"{server.base}/c/{named}/stream?after=-1", -1)
        followers.append(follower)
        follower.thread.start()
        wait_for(lambda: follower.numbers)
        for round_ in range(3):
            server.run("hint", named, f"before restart {round_}")
            # Told to end with a stream open, it does not wait for the reader.
            assert server.stop(signal.SIGKILL if round_ == 1 else signal.SIGTERM) in {0, -signal.SIGKILL}
            server.run("hint", named, f"while it is down {round_}")
            server.start()
        wait_for(lambda: follower.connections >= 4)
        server.run("hint", named, "after all")
        events = server.twin(f"/c/{named}/events.json?limit=1000")["events"]
        assert isinstance(events, list)
        every = [event["sequence"] for event in events]
        wait_for(lambda: follower.numbers and follower.numbers[-1] >= every[-1])
        assert follower.numbers == list(range(every[0], follower.numbers[-1] + 1))

    def test_a_form_of_before_the_restart_still_holds(self, server: Server) -> None:
        planned = server.run("run", GOAL, "--task", "toy-peak", "--evaluations", "5", "--plan-only", "--json")
        named = json.loads(planned.stdout)["campaign_id"]
        server.start()
        page = server.client.get(f"{server.base}/new/{named}").text
        server.stop()
        server.start()
        seal = page.split('name="seal" value="')[1].split('"')[0]
        answer = server.client.post(
            f"{server.base}/c/{named}/note", data={"seal": seal, "text": "kept"}, headers={"origin": server.base}
        )
        assert answer.status_code == 200
        assert "The note is kept." in answer.text


@pytest.mark.box
class TestNight:
    def test_from_a_goal_to_its_end_only_by_forms(self, server: Server) -> None:
        """The goal is read, measured, edited, approved, steered and finished by processes that the server started."""
        server.start()
        made = server.post("/new", goal=GOAL, task="toy-peak", evaluations="4000", seed="3")
        named = str(made.url).rsplit("/", 1)[1]
        wait_for(lambda: server.twin(f"/new/{named}.json")["phase"] in {"card", "ended"})
        view = server.twin(f"/new/{named}.json")
        assert view["phase"] == "card", view["reason"]
        assert server.post(f"/new/{named}/plan", evaluations="5000", seed="9").status_code == 200
        assert server.twin(f"/new/{named}.json")["fields"]["seed"] == "9"  # type: ignore[index]
        started = server.client.post(
            f"{server.base}/c/{named}/start",
            data={"seal": server.client.get(f"{server.base}/new").text.split('name="seal" value="')[1].split('"')[0]},
            headers={"origin": server.base},
            follow_redirects=False,
        )
        assert started.status_code == 303

        def row() -> dict[str, object]:
            campaigns = server.twin("/campaigns.json")["campaigns"]
            assert isinstance(campaigns, list)
            return next(each for each in campaigns if each["campaign_id"] == named)

        wait_for(lambda: int(str(row()["evaluations"])) > 3)
        assert row()["alive"] is True
        # The server may go: the campaign stays.
        server.stop()
        server.start()
        assert row()["state"] == "running"
        server.post(f"/c/{named}/pause")
        wait_for(lambda: row()["state"] == "paused")
        server.post(f"/c/{named}/resume")
        wait_for(lambda: row()["state"] == "running")
        server.post(f"/c/{named}/hint", text="try the other slope")
        server.post(f"/c/{named}/0/star")
        server.post(f"/c/{named}/stop")
        wait_for(lambda: row()["state"] == "finished")
        wait_for(lambda: row()["alive"] is False)
        assert row()["best"] is not None
        shown = server.run("show", named, "--json")
        record = json.loads(shown.stdout.splitlines()[0])
        assert record["state"] == "finished"
        assert record["tally"]["evaluations"] == row()["evaluations"]

    def test_a_campaign_that_was_killed_goes_on_from_the_page(self, server: Server) -> None:
        planned = server.run("run", GOAL, "--task", "toy-peak", "--evaluations", "12", "--plan-only", "--json")
        named = json.loads(planned.stdout)["campaign_id"]
        server.start()
        stopped = server.run("resume", named, "--evaluations", "4", "--yes", "--quiet")
        assert stopped.returncode == 0, stopped.stderr
        answer = server.post(f"/c/{named}/resume", evaluations="12")
        assert answer.status_code in {200, 404}

        def done() -> bool:
            campaigns = server.twin("/campaigns.json")["campaigns"]
            assert isinstance(campaigns, list)
            one = next(each for each in campaigns if each["campaign_id"] == named)
            return one["state"] == "finished" and one["evaluations"] >= 12 and not one["alive"]

        wait_for(done)


def test_a_home_that_cannot_be_made_is_said(tmp_path: object, server: Server) -> None:
    server.home.parent.mkdir(parents=True, exist_ok=True)
    server.home.write_text("a file stands here")
    ended = server.run("serve", "--port", "0")
    assert ended.returncode == 1
    assert "hint:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_frees_its_port(server: Server) -> None:
    server.start()
    port = server.port
    server.stop()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
