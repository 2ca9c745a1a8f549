"""The machine-wide lock: exclusive across descriptors and processes, freed by death, safe against links."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nightforge.errors import PlatformFault
from tools import slots


def test_a_second_holder_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with slots.hold("cpu", folder=tmp_path):
            order.append("second")

    with slots.hold("cpu", folder=tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join(timeout=5)
    assert order == ["first", "second"]


def test_other_resources_do_not_wait(tmp_path: Path) -> None:
    with slots.hold("cpu", folder=tmp_path), slots.hold("gpu:0", folder=tmp_path, timeout_s=0.5):
        assert {path.name for path in tmp_path.iterdir()} == {"cpu.lock", "gpu_0.lock"}


def test_the_deadline_names_the_resource(tmp_path: Path) -> None:
    with (
        slots.hold("cpu", folder=tmp_path),
        pytest.raises(PlatformFault, match="'cpu'"),
        slots.hold("cpu", folder=tmp_path, timeout_s=0.05),
    ):
        pass


def test_a_killed_holder_frees_the_slot(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib; from tools import slots\n"
        "with slots.hold('cpu', folder=pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(PlatformFault), slots.hold("cpu", folder=tmp_path, timeout_s=0.05):
            pass
        holder.kill()
        holder.wait()
        with slots.hold("cpu", folder=tmp_path, timeout_s=5):
            pass


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "victim"
    (tmp_path / "cpu.lock").symlink_to(target)
    with pytest.raises(PlatformFault), slots.hold("cpu", folder=tmp_path, timeout_s=0.1):
        pass
    assert not target.exists()


def test_the_folder_is_made_for_every_user(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    with slots.hold("cpu", folder=folder):
        assert folder.stat().st_mode & 0o7777 == 0o1777


def test_a_waiter_whose_caller_left_stops_waiting(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with (
        slots.hold("cpu", folder=tmp_path),
        pytest.raises(PlatformFault, match="stopped"),
        slots.hold("cpu", folder=tmp_path, stop=stop),
    ):
        pass


def test_turns_come_in_the_order_of_asking(tmp_path: Path) -> None:
    order: list[int] = []

    def wait(number: int) -> None:
        with slots.hold("cpu", folder=tmp_path):
            order.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(6)]
    with slots.hold("cpu", folder=tmp_path):
        for thread in threads:
            thread.start()
            time.sleep(0.06)
    for thread in threads:
        thread.join(timeout=10)
    assert order == list(range(6))
    assert [path.name for path in tmp_path.iterdir()] == ["cpu.lock"]


def test_a_killed_waiter_keeps_nobody_waiting(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib; from tools.slots import Ticket\n"
        "ticket = Ticket(pathlib.Path(sys.argv[1]), 'cpu'); print('waits', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == b"waits\n"
        with pytest.raises(PlatformFault), slots.hold("cpu", folder=tmp_path, timeout_s=0.1):
            pass
        waiter.kill()
        waiter.wait()
        with slots.hold("cpu", folder=tmp_path, timeout_s=5):
            pass


def test_a_pool_has_so_many_slots_and_no_more(tmp_path: Path) -> None:
    pool = slots.Pool("run", 2, folder=tmp_path)
    tickets = [pool.draw() for _ in range(3)]
    first, second, third = (pool.try_take(ticket) for ticket in tickets)
    assert first is not None
    assert second is not None
    assert third is None
    tickets[0].close()
    assert pool.try_take(tickets[2]) is None, "its turn has come, but no slot is free"
    os.close(first)
    again = pool.try_take(tickets[2])
    assert again is not None
    for descriptor in (second, again):
        os.close(descriptor)
    for ticket in tickets[1:]:
        ticket.close()


def test_what_is_held_is_written_down_in_threads_too(tmp_path: Path) -> None:
    async def measure() -> None:
        def work() -> None:
            with slots.hold("cpu", folder=tmp_path):
                pass

        await asyncio.to_thread(work)

    with slots.journal() as held:
        asyncio.run(measure())
    assert held == {"cpu"}
