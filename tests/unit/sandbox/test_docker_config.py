"""What the engine is asked for, and what is said where it cannot be asked. No daemon is needed."""

from __future__ import annotations

import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from nightforge.domain.limits import MIB, Limits
from nightforge.errors import SandboxFault, SandboxUnavailable
from sandbox import docker_box, docker_engine
from sandbox.docker_box import Options, Shell, check_limits, container_config
from sandbox.docker_engine import Engine, Image, init_hash, owner_word, sweep_containers
from sandbox.images import build_init, pack_tree
from sandbox.platform import find_tool
from sandbox.staging import stage

IMAGE = Image("sha256:abc", "nightforge-box:host", mounts_usr=True)
LIMITS = Limits(memory_bytes=100 * MIB, processes=7, writable_bytes=8 * MIB, writable_inodes=500)


def host_part(config: dict[str, object]) -> dict[str, Any]:
    part = config["HostConfig"]
    assert isinstance(part, dict)
    return part


def test_a_container_is_hardened(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with stage({"a": b"x"}, world_readable=False) as staging:
        config = container_config(Options(IMAGE, uid=60733, gid=60733), LIMITS, staging)
    host = host_part(config)
    assert config["User"] == "60733:60733"
    assert config["Image"] == "sha256:abc"
    assert host["NetworkMode"] == "none"
    assert host["IpcMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 8
    assert host["Memory"] == host["MemorySwap"] == 116 * MIB
    assert host["LogConfig"] == {"Type": "none"}
    assert host["AutoRemove"] is True
    assert "size=8388608" in host["Tmpfs"]["/dev/shm"]
    assert "nr_inodes=503" in host["Tmpfs"]["/dev/shm"]
    assert "/sys" in host["MaskedPaths"]
    assert all(mount["ReadOnly"] for mount in host["Mounts"])
    targets = {mount["Target"] for mount in host["Mounts"]}
    assert {"/job", "/usr"} <= targets
    assert "DeviceRequests" not in host
    assert not any("docker.sock" in mount["Source"] for mount in host["Mounts"])


def test_an_image_with_a_usr_of_its_own_sees_nothing_of_ours() -> None:
    image = Image("sha256:abc", "nightforge-box:bookworm", mounts_usr=False)
    with stage({}, world_readable=False) as staging:
        host = host_part(container_config(Options(image, 1000, 1000), LIMITS, staging))
    assert {mount["Target"] for mount in host["Mounts"]} == {"/job", "/.nightforge/control"}


@pytest.mark.parametrize(
    ("gpus", "wanted"), [(("all",), {"Count": -1}), (("0", "GPU-7"), {"DeviceIDs": ["0", "GPU-7"]})]
)
def test_devices_are_passed_through(gpus: tuple[str, ...], wanted: dict[str, object]) -> None:
    with stage({}, world_readable=False) as staging:
        host = host_part(container_config(Options(IMAGE, 1000, 1000, gpus), LIMITS, staging))
    request = host["DeviceRequests"][0]
    assert wanted.items() <= request.items()
    assert request["Driver"] == "nvidia"
    assert "/sys" not in host["MaskedPaths"]


def test_a_limit_that_a_container_cannot_hold_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="32 MiB"):
        check_limits(Limits(memory_bytes=8 * MIB))
    check_limits(Limits(memory_bytes=32 * MIB))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:2375", "ssh://somewhere"])
def test_a_daemon_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(SandboxUnavailable, match="not on this machine"):
        Engine(address).check()


def test_a_daemon_that_is_not_there_names_the_package() -> None:
    with pytest.raises(SandboxUnavailable, match="no Docker daemon answers") as caught:
        Engine("unix:///nowhere/docker.sock").check()
    assert "docker.io" in caught.value.hint


@contextmanager
def daemon(path: Path, answer: bytes) -> Iterator[str]:
    """A socket that takes every request and says `answer`; empty: nothing, ever."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                held.append(client)
                if answer:
                    with suppress(OSError):
                        client.recv(65536)
                        client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for client in held:
                client.close()


def test_a_daemon_that_hangs_is_left_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "PROBE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(docker_engine, "CALL_TIMEOUT_S", 0.3)
    with daemon(tmp_path / "hung.sock", b"") as address:
        engine = Engine(address)
        began = time.monotonic()
        with pytest.raises(SandboxUnavailable, match="no Docker daemon answers"):
            engine.check()
        engine.remove("x")  # each step has its own deadline, and none raises
        with pytest.raises(SandboxFault, match="in time"):
            engine.call("ask", lambda client: client.info(), timeout_s=0.3)
        assert time.monotonic() - began < 20


def test_a_daemon_that_talks_nonsense_is_a_fault(tmp_path: Path) -> None:
    with (
        daemon(
            tmp_path / "odd.sock", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"
        ) as address,
        pytest.raises((SandboxFault, SandboxUnavailable)),
    ):
        Engine(address).check()


def test_a_stranger_on_the_socket_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects must be a process of the container that was made."""

    class Elsewhere(Engine):
        def create(self, name: str, config: object) -> str:
            self.place = next(str(m["Source"]) for m in host_part(dict(config))["Mounts"] if "control" in m["Target"])  # type: ignore[call-overload]
            return "f" * 64

        def start(self, container: str) -> None:
            self.visitor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.visitor.connect(self.place)

        def remove(self, container: str) -> None:
            self.visitor.close()

    engine = Elsewhere("unix:///nowhere")
    with (
        stage({}, world_readable=False) as staging,
        pytest.raises(SandboxFault, match="a stranger answered"),
    ):
        Shell(engine, Options(IMAGE, 1000, 1000), LIMITS, staging)


def test_an_owner_is_told_from_a_later_process_of_the_same_number() -> None:
    number, start, _ = owner_word().split(":")
    assert number.isdigit()
    assert start.isdigit()
    assert docker_engine._start_of(int(number)) == start
    assert docker_engine._start_of(2**22 + 1) == ""


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        (
            "3:cpuset:/docker/f0\n2:memory:/docker/f0\n1:name=systemd:/docker/f0\n",
            "memory/docker/f0/memory.oom_control",
        ),
        ("0::/system.slice/docker-f0.scope\n", "system.slice/docker-f0.scope/memory.events"),
    ],
    ids=["version 1", "version 2"],
)
def test_the_kernels_count_of_kills_is_found(
    groups: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_box, "_GROUPS", tmp_path)
    with pytest.raises(SandboxFault, match="out of sight"):
        docker_box._oom_counter(groups)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("oom 4\noom_kill 3\n")
    assert docker_box._oom_counter(groups) == tmp_path / file


@pytest.mark.skipif(find_tool("gcc") is None, reason="needs gcc")
def test_an_image_holds_usr_and_the_init_and_no_account(tmp_path: Path) -> None:
    tree = tmp_path / "root"
    for name in ("usr/bin", "usr/share/doc", "etc/alternatives", "home/me", "root"):
        (tree / name).mkdir(parents=True)
    (tree / "bin").symlink_to("usr/bin")
    (tree / "usr/bin/su").write_bytes(b"x")
    (tree / "usr/bin/su").chmod(0o4755)
    (tree / "usr/share/doc/long").write_bytes(b"x")
    (tree / "etc/shadow").write_bytes(b"secret")
    target = tmp_path / "tree.tar"
    pack_tree(tree, target, build_init(tmp_path))
    with tarfile.open(target) as archive:
        members = {member.name: member for member in archive}
    assert "usr/share/doc/long" not in members
    assert not {"etc/shadow", "home/me", "root"} & set(members)
    assert members["usr/bin/su"].mode == 0o755
    assert members["bin"].linkname == "usr/bin"
    assert members["tmp"].linkname == "dev/shm/tmp"
    assert members[".nightforge/init"].size > 10_000
    assert len(init_hash()) == 16


def test_a_sweep_leaves_what_belongs_to_another_pid_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    engine = Engine()
    owned = [("dead", "4194305:1"), ("mine", owner_word()), ("beside", "4194305:1:1")]
    monkeypatch.setattr(engine, "owned", lambda: owned)
    monkeypatch.setattr(engine, "remove", removed.append)
    assert sweep_containers(engine) == 1
    assert removed == ["dead"]
