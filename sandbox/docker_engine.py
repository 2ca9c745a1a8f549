"""The Docker daemon, as far as a box needs it: every call has a deadline, every failure is a SandboxFault.

The daemon never carries a byte of a candidate: no attached stream, no log, no exec. What could hang on a flood of
output (`docker kill` did, for 664 s) has nothing to hang on.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nightforge.errors import SandboxFault, SandboxUnavailable

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")

LABEL = "io.nightforge.box"
"""On images: hash of the source of the init inside."""
OWNER_LABEL = "io.nightforge.owner"
"""On containers: the process that answers for them."""
USR_LABEL = "io.nightforge.usr"
"""On images: `own`, or `host` where this machine's /usr is to be mounted."""
INIT_PATH = "/.nightforge/init"
CALL_TIMEOUT_S = 20.0
PROBE_TIMEOUT_S = 4.0
_PACKAGE_HINT = "apt-get install docker.io, start the daemon, and be in the group `docker`"


@dataclass(frozen=True, slots=True)
class Image:
    """What boxes are made of. `reference` is the id, so that a tag that moves changes nothing under a campaign."""

    reference: str
    name: str
    mounts_usr: bool


def init_source() -> Path:
    return Path(__file__).parent / "runners" / "container_init.c"


def init_hash() -> str:
    """Which init an image must hold for this release: images with another one are not taken."""
    return hashlib.sha256(init_source().read_bytes()).hexdigest()[:16]


def daemon_address() -> str:
    """DOCKER_HOST, or the first socket that is there: the machine's, the rootless one."""
    named = os.environ.get("DOCKER_HOST", "")
    if named:
        return named
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    places = ["/var/run/docker.sock", *([f"{runtime}/docker.sock"] if runtime else [])]
    return "unix://" + next((place for place in places if Path(place).exists()), places[0])


class Engine:
    """One daemon. A connection per call: the SDK promises nothing about sharing one between threads, and one whose
    answer came too late is of no more use."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address or daemon_address()
        self._version: str | None = None

    def call(self, what: str, work: Callable[[APIClient], T], *, timeout_s: float | None = None) -> T:
        """One call to the daemon; `what` completes "cannot …". Raises SandboxFault."""
        with _translated(what):
            from docker import APIClient

            with closing(
                APIClient(base_url=self.address, version=self._version, timeout=timeout_s or CALL_TIMEOUT_S)
            ) as client:
                self._version = client.api_version  # asked of the daemon once
                return work(client)

    def check(self) -> None:
        """Raise SandboxUnavailable where the daemon is out of reach or cannot hold a limit that every box has."""
        if not self.address.startswith(("unix://", "/")):
            raise SandboxUnavailable(
                f"the daemon at {self.address} is not on this machine",
                where="docker",
                hint="boxes share files and descriptors with it: unset DOCKER_HOST, or run Nightforge where it runs",
            )
        self._reach()
        try:
            info: Mapping[str, object] = self.call(
                "ask the daemon", lambda c: dict(c.info()), timeout_s=PROBE_TIMEOUT_S
            )
        except SandboxFault as fault:
            raise SandboxUnavailable(
                f"no Docker daemon answers: {fault.what}", where="docker", hint=_PACKAGE_HINT
            ) from (fault)
        absent = [name for name in ("MemoryLimit", "PidsLimit") if not info.get(name)]
        if info.get("OSType") != "linux" or absent:
            raise SandboxUnavailable(
                f"the daemon cannot enforce {', '.join(absent) or 'what a Linux container needs'}",
                where="docker",
                hint="give it the memory and pids control groups (rootless: cgroup v2 with delegation)",
            )

    def _reach(self) -> None:
        """Knock before the SDK does: it leaves the socket open when nobody answers."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(PROBE_TIMEOUT_S)
            try:
                door.connect(self.address.removeprefix("unix://"))
            except OSError as error:
                raise SandboxUnavailable(
                    f"no Docker daemon answers at {self.address}: {error.strerror or error}",
                    where="docker",
                    hint=_PACKAGE_HINT,
                ) from error

    def images(self, wanted: str) -> Sequence[Image]:
        """Images of this machine whose init is the one with the hash `wanted`, newest first."""
        filters = {"label": [f"{LABEL}={wanted}"]}
        found = self.call("list images", lambda c: c.images(filters=filters), timeout_s=PROBE_TIMEOUT_S)
        found = sorted(found, key=lambda image: int(image.get("Created", 0)), reverse=True)
        return [
            Image(
                str(image["Id"]), (image.get("RepoTags") or [""])[0], (image["Labels"] or {}).get(USR_LABEL) == "host"
            )
            for image in found
        ]

    def create(self, name: str, config: Mapping[str, object]) -> str:
        """A container that is not started yet; returns its id."""

        def work(client: APIClient) -> str:
            response = client.create_container_from_config(dict(config), name)
            return str(response["Id"])

        return self.call("create a container", work)

    def start(self, container: str) -> None:
        self.call("start a container", lambda client: client.start(container))

    def remove(self, container: str) -> None:
        """Kill and remove, each with its own deadline, the second whatever became of the first. Never raises."""
        from docker.errors import APIError

        def killed(client: APIClient) -> None:
            with suppress(APIError):  # it had ended
                client.kill(container)

        def removed(client: APIClient) -> None:
            try:
                client.remove_container(container, force=True, v=True)
            except APIError as error:
                if error.response is None or error.response.status_code not in {404, 409}:
                    raise  # 404: gone; 409: the daemon is removing it

        for what, work in (("kill a container", killed), ("remove a container", removed)):
            with suppress(SandboxFault):
                self.call(what, work)

    def owned(self) -> Sequence[tuple[str, str]]:
        """(id, owner) of every container of ours, running or not."""
        found = self.call("list containers", lambda c: c.containers(all=True, filters={"label": [OWNER_LABEL]}))
        return [(str(one["Id"]), str((one.get("Labels") or {}).get(OWNER_LABEL, ""))) for one in found]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """The SDK's and requests' exceptions as one of ours, and what they raise when the answer has another shape."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException, Timeout

    try:
        yield
    except (DockerException, RequestException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, Timeout) or isinstance(error.__context__, Timeout):  # the SDK wraps its first one
            raise SandboxFault(
                f"cannot {what}: the daemon did not answer in time", where="docker", hint="is the machine overloaded?"
            ) from error
        words = str(getattr(error, "explanation", "") or error).strip()[:400]
        raise SandboxFault(f"cannot {what}: {words}", where="docker", hint="run `nightforge doctor`") from error


def owner_word() -> str:
    """This process, told from a later one with the same number by its start, and from one of another namespace."""
    return f"{os.getpid()}:{_start_of(os.getpid())}:{_namespace()}"


def _namespace() -> str:
    """Where our process numbers hold: a platform in a container may share the daemon with one beside it."""
    try:
        return str((Path("/proc/self/ns/pid")).stat().st_ino)
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    try:
        content = (Path("/proc") / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    return content[content.rindex(")") + 2 :].split()[19]


def sweep_containers(engine: Engine) -> int:
    """Remove what killed processes of ours left behind; returns how many."""
    removed = 0
    for container, owner in engine.owned():
        pid, start, namespace = [*owner.split(":"), "", ""][:3]
        if namespace and namespace != _namespace():
            continue  # its number says nothing here; its containers end with it, by their init
        if not pid.isdigit() or _start_of(int(pid)) != start:
            engine.remove(container)
            removed += 1
    return removed
