"""A careless platform: the positive control's stand-in for what the field does. Standard library only.

It starts candidates as plain subprocesses with its own environment, descriptors and terminal, lets them write beside
its own files, believes exit codes and result files, follows links, unpickles and extracts. It runs in a throw-away
host (see `observe`), under a user of its own.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from attack_pack import wire

SECRET = os.environ.get("OPENAI_API_KEY", "")
IN_MEMORY = bytearray(f"in-memory {SECRET}".encode())


def place(word: str, folder: Path) -> str:
    return word.replace("{job}", str(folder / "job")).replace("{box}", str(folder / "box"))


def lay_out(request: dict[str, Any]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="careless-", dir=request["base"]))
    (folder / "job").mkdir()
    (folder / "box").mkdir()
    for name, content in request["files"].items():
        (folder / "job" / name).write_bytes(base64.b64decode(content))
    return folder


def execute(request: dict[str, Any], argv: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "HOME": str(folder / "box"), "TMPDIR": "/tmp"}
    return subprocess.run(
        [place(word, folder) for word in argv],
        cwd=folder / "box",
        input=request["stdin"].encode() or None,
        capture_output=True,
        close_fds=False,
        env=environment,
        check=False,
    )


def collect(kind: str, folder: Path, done: subprocess.CompletedProcess[bytes]) -> object:
    """What a careless platform takes for the result."""
    said = done.stdout.decode(errors="replace")
    if kind in {"stdout", "call"}:
        return json.loads(said.splitlines()[-1])
    if kind == "status":
        return {"passed": done.returncode == 0, "note": said}
    if kind == "excuse":
        return {"out of memory, try again": done.returncode == -9, "note": said}
    if kind == "page":
        return said
    if kind == "terminal":
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.buffer.flush()
        return None
    return collect_files(kind, folder / "box")


def collect_files(kind: str, box: Path) -> object:
    if kind == "json":
        return json.loads((box / "result.json").read_text())
    if kind == "text":
        return (box / "result.json").read_text()
    if kind == "pickle":
        return str(pickle.loads((box / "result.pkl").read_bytes()))
    if kind == "tar":
        with tarfile.open(box / "result.tar") as archive:
            archive.extractall(box)
    elif kind == "zip":
        with zipfile.ZipFile(box / "result.zip") as archive:
            for member in archive.namelist():
                Path(os.path.normpath(box / member)).write_bytes(archive.read(member))
    elif kind == "reuse":
        subprocess.run([sys.executable, "-c", "import json"], cwd=box, check=False)
    return None


def attempt(request: dict[str, Any]) -> dict[str, object]:
    reply: dict[str, object] = {"accepted": None, "crashed": "", "beside_ok": True}
    beside: list[int] = []
    thread = None
    for argv in request["before"]:
        earlier = lay_out(request)
        execute(request, argv, earlier)
    if request["beside"]:
        other = lay_out(request)

        def run_beside() -> None:
            beside.append(execute(request, request["beside"], other).returncode)

        thread = threading.Thread(target=run_beside)
        thread.start()
        time.sleep(0.6)
    folder = lay_out(request)
    began = time.monotonic()
    done = execute(request, request["argv"], folder)
    reply["elapsed_s"] = time.monotonic() - began
    try:
        reply["accepted"] = collect(request["collect"], folder, done)
    except (Exception, RecursionError) as error:
        reply["crashed"] = f"{type(error).__name__}: {error}"[:300]
    for name in request["outputs"]:
        with contextlib.suppress(OSError):
            done.stdout += (folder / "box" / name).read_bytes()[: 1 << 20]
    if thread is not None:
        thread.join()
        reply["beside_ok"] = beside == [0]
    if not request["keep"]:
        with contextlib.suppress(Exception):
            shutil.rmtree(folder, ignore_errors=True)
    reply["stdout"] = base64.b64encode(done.stdout[: 4 << 20]).decode()
    reply["stderr"] = base64.b64encode(done.stderr[: 1 << 20]).decode()
    reply["output_bytes"] = len(done.stdout) + len(done.stderr)
    reply["end"] = f"exit {done.returncode}"
    return reply


def main() -> None:
    commands, replies = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb")
    for stream in (commands, replies):
        os.set_inheritable(stream.fileno(), False)
    wire.send(replies, {"ready": True})
    while (request := wire.receive(commands)) is not None:
        wire.send(replies, attempt(request))


if __name__ == "__main__":
    main()
