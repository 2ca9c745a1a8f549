"""What attacks aim at: secrets, files, listeners, a terminal, a bystander. All of it is new for every platform."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import select
import shutil
import socket
import stat
import subprocess
import tempfile
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

BYSTANDER = (
    "import sys, time\nsecret = bytearray(sys.stdin.buffer.read())\nprint('ready', flush=True)\ntime.sleep(3600)\n"
)


class Scene:
    """Folders, secrets and listeners. `uid` is who the platform and the bystander run as; None: as we do."""

    def __init__(self, uid: int | None) -> None:
        self.uid = uid
        self.root = Path(tempfile.mkdtemp(prefix="nf-scene-", dir="/tmp"))
        self.root.chmod(0o755)
        self.secrets = {name: f"{name}-{secrets.token_hex(16)}" for name in ("file", "environment", "descriptor")}
        self.secrets |= {name: f"{name}-{secrets.token_hex(16)}" for name in ("bystander", "listener")}
        self.host = self.root / "host"
        self.base = self.root / "base"
        for folder in (self.host, self.base):
            folder.mkdir()
            folder.chmod(0o1777)
        self._write("secret.txt", self.secrets["file"], 0o644)
        self._write("target.txt", "as it was\n", 0o666)
        self._write("grader.py", "score = 1.0\n", 0o666)
        (self.host / "folder").mkdir()
        (self.host / "folder").chmod(0o1777)
        self.listeners = Listeners(self.root / "socket", self.secrets["listener"])
        self.bystander = self._bystander()
        self.before = self.fingerprint()

    def _write(self, name: str, content: str, mode: int) -> None:
        (self.host / name).write_text(content)
        (self.host / name).chmod(mode)

    def _bystander(self) -> subprocess.Popen[bytes]:
        secret = self.secrets["bystander"]
        process = subprocess.Popen(
            [*self.drop(), "/usr/bin/python3", "-I", "-S", "-c", BYSTANDER],
            env={"PATH": "/usr/bin:/bin", "BYSTANDER_SECRET": secret},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(secret.encode())
        process.stdin.close()
        process.stdout.readline()
        return process

    def drop(self) -> list[str]:
        if self.uid is None:
            return []
        return ["/usr/bin/setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups", "--"]

    def fingerprint(self) -> dict[str, str]:
        """Every file of the host folder: mode, owner, content."""
        found = {}
        for path in sorted(self.host.rglob("*")):
            info = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
            words = f"{info.st_mode:o} {info.st_uid} {hashlib.sha256(content).hexdigest()}"
            found[str(path.relative_to(self.host))] = words
        return found

    def changed(self) -> list[str]:
        now = self.fingerprint()
        return sorted(name for name in now.keys() | self.before.keys() if now.get(name) != self.before.get(name))

    def repair(self) -> None:
        """Put the host folder back after an attack changed it."""
        for name in self.changed():
            path = self.host / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        self._write("target.txt", "as it was\n", 0o666)
        self._write("grader.py", "score = 1.0\n", 0o666)
        self._write("secret.txt", self.secrets["file"], 0o644)
        (self.host / "folder").mkdir(exist_ok=True)
        (self.host / "folder").chmod(0o1777)

    def revive(self) -> None:
        """A new bystander in the place of one that an attack killed."""
        self._bury()
        self.bystander = self._bystander()

    def _bury(self) -> None:
        self.bystander.kill()
        self.bystander.wait()
        for stream in (self.bystander.stdin, self.bystander.stdout):
            if stream is not None:
                stream.close()

    def close(self) -> None:
        self.listeners.close()
        self._bury()
        subprocess.run(["/bin/rm", "-rf", str(self.root)], check=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Terminal:
    """A pseudo-terminal: `inside` is the end that a platform has for its terminal."""

    def __init__(self) -> None:
        self._outside, self.inside = os.openpty()
        os.set_blocking(self._outside, False)

    def take_over(self) -> None:
        """In the child: a session of its own with this terminal."""
        os.setsid()
        fcntl.ioctl(self.inside, termios.TIOCSCTTY, 0)

    def typed(self) -> bool:
        """Whether a line lies in the terminal's input, which nobody typed; takes it out."""
        count = int.from_bytes(fcntl.ioctl(self.inside, termios.FIONREAD, bytes(4)), "little")
        termios.tcflush(self.inside, termios.TCIFLUSH)
        return count > 0

    def shown(self) -> bytes:
        """What was written to it since the last look."""
        found = b""
        with suppress(BlockingIOError, OSError):
            while piece := os.read(self._outside, 65536):
                found += piece
        return found

    def close(self) -> None:
        os.close(self._outside)
        os.close(self.inside)


class Listeners:
    """TCP, UDP, abstract and named sockets of the host; each gives its secret to whoever comes."""

    def __init__(self, path: Path, secret: str) -> None:
        self._secret = secret.encode()
        self.abstract = f"nf-{secrets.token_hex(8)}"
        self.path = path
        self.knocks: list[str] = []
        self.received = bytearray()
        self._sockets: dict[int, tuple[str, socket.socket]] = {}
        tcp = self._listen("tcp", socket.AF_INET, ("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        self._sockets[udp.fileno()] = ("udp", udp)
        self._listen("abstract", socket.AF_UNIX, "\0" + self.abstract)
        self._listen("named", socket.AF_UNIX, str(path))
        path.chmod(0o777)
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _listen(self, name: str, family: socket.AddressFamily, address: tuple[str, int] | str) -> socket.socket:
        opened = socket.socket(family)
        opened.bind(address)
        opened.listen(16)
        self._sockets[opened.fileno()] = (name, opened)
        return opened

    def _serve(self) -> None:
        poll = select.poll()
        for number in (*self._sockets, self._wake):
            poll.register(number, select.POLLIN)
        while True:
            for number, _ in poll.poll():
                if number == self._wake:
                    return
                self._meet(*self._sockets[number])

    def _meet(self, name: str, opened: socket.socket) -> None:
        with suppress(OSError):
            if name == "udp":
                data, sender = opened.recvfrom(65536)
                opened.sendto(self._secret, sender)
            else:
                connection, _ = opened.accept()
                with connection:
                    connection.settimeout(0.5)
                    self.knocks.append(name)
                    connection.sendall(self._secret)
                    self.received += connection.recv(65536)
                return
            self.knocks.append(name)
            self.received += data

    def close(self) -> None:
        os.write(self._waker, b"x")
        self._thread.join()
        for _, opened in self._sockets.values():
            opened.close()
        os.close(self._wake)
        os.close(self._waker)
