"""Images of the docker tier, made without a registry.

    python -m sandbox.images [host | debian | from NAME | hash] [--suite bookworm] [--mirror URL]

`host` (a second, no network) holds nothing but the init and the places to mount this machine's /usr on: candidates
see the compiler that the bubblewrap tier shows them. `debian` is a debootstrap tree with a compiler and Python of its
own. Both hold /usr, the links into it and two names of /etc, and nothing else: no account, no home, no variable data.
images/Dockerfile builds the same from a registry; `hash` prints what it labels its image with. `from NAME` takes a
person's own image, which the daemon has, with all that is in it: the init and the places to mount on are added.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from nightforge.errors import PrerequisiteMissing, SandboxFault
from sandbox.docker_engine import INIT_PATH, LABEL, USR_LABEL, Engine, Image, init_hash, init_source
from sandbox.platform import require_tool, run_tool

REPOSITORY = "nightforge-box"
_PACKAGES = "gcc,libc6-dev,binutils,python3,python3-numpy"
_BUILD_TIMEOUT_S = 60.0
_BOOTSTRAP_TIMEOUT_S = 1800.0
_IMPORT_TIMEOUT_S = 300.0
_MOUNT_POINTS = ("proc", "dev", "sys", "job", "usr", "etc", "etc/alternatives")
_NOT_TAKEN = frozenset({"proc", "sys", "dev", "tmp", "run", "box", "job", ".nightforge", ".dockerenv"})
"""Of a person's image: places that a box has of its own."""
_LINKS = {"box": "dev/shm/box", "tmp": "dev/shm/tmp"}


def build_init(folder: Path) -> Path:
    """Compile the init, statically: an image need not have a C library."""
    target = folder / "init"
    compiler = str(require_tool("gcc"))
    done = run_tool(
        [compiler, "-static", "-O2", "-s", "-o", str(target), str(init_source())],
        timeout_s=_BUILD_TIMEOUT_S,
        environment={"TMPDIR": str(folder)},
    )
    if not done.ok:
        words = done.stderr.decode(errors="replace")[-600:]
        raise PrerequisiteMissing(
            f"the init of the docker tier does not compile: {words}",
            where=str(init_source()),
            hint="apt-get install gcc libc6-dev",
        )
    return target


def build_host_image(engine: Engine) -> str:
    """The image that shows this machine's /usr. Returns its id."""
    with tempfile.TemporaryDirectory(prefix="nightforge-image-") as folder:
        init = build_init(Path(folder))
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            _skeleton(archive, init)
            _host_links(archive)
        return _import(engine, buffer.getvalue(), tag="host", usr="host")


def ensure_image(engine: Engine) -> Image:
    """The newest image of this release, made from this machine's /usr where there is none."""
    found = engine.images(init_hash())
    if not found:
        build_host_image(engine)
        found = engine.images(init_hash())
    return found[0]


def build_debian_image(engine: Engine, *, suite: str, mirror: str) -> str:
    """A tree of its own by debootstrap, which needs root and a Debian mirror. Returns the image's id."""
    if os.geteuid() != 0:
        raise PrerequisiteMissing("debootstrap needs root", where="images", hint="run this command as root")
    with tempfile.TemporaryDirectory(prefix="nightforge-image-", dir="/var/tmp") as folder:
        root, packed = Path(folder) / "root", Path(folder) / "tree.tar"
        bootstrap = [str(require_tool("debootstrap")), "--variant=minbase", f"--include={_PACKAGES}", suite, str(root)]
        done = run_tool([*bootstrap, mirror], timeout_s=_BOOTSTRAP_TIMEOUT_S)
        if not done.ok:
            words = (done.stdout + done.stderr).decode(errors="replace")[-600:]
            raise SandboxFault(f"debootstrap failed: {words}", where="images", hint="name a mirror with --mirror")
        pack_tree(root, packed, build_init(Path(folder)))
        with packed.open("rb") as tree:
            return _import(engine, tree.read(), tag=suite, usr="own")


def build_from(engine: Engine, name: str) -> str:
    """A box's image from one that the daemon has. Returns the new one's name. SandboxFault where there is none."""
    container = engine.call("open the image", lambda c: str(c.create_container(name, command="none")["Id"]))
    try:
        with tempfile.TemporaryDirectory(prefix="nightforge-image-", dir="/var/tmp") as folder:
            packed = Path(folder) / "tree.tar"
            init = build_init(Path(folder))
            engine.call(
                "read the image",
                lambda c: pack_image(_Stream(iter(c.export(container))), packed, init),
                timeout_s=_IMPORT_TIMEOUT_S,
            )
            tag = "from-" + re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:100].strip("-.")
            with packed.open("rb") as tree:
                _import(engine, tree, tag=tag, usr="own")
    finally:
        engine.remove(container)
    return f"{REPOSITORY}:{tag}"


class _Stream(io.RawIOBase):
    """Pieces of bytes as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        parts, wanted = [], size
        while wanted != 0:
            piece = self._left or next(self._pieces, b"")
            if not piece:
                break
            taken = piece if wanted < 0 else piece[:wanted]
            self._left = piece[len(taken) :]
            wanted -= len(taken) if wanted > 0 else 0
            parts.append(taken)
        return b"".join(parts)


def pack_image(tree: io.RawIOBase, target: Path, init: Path) -> None:
    """A container's files, as the daemon exports them, with what a box needs."""
    with tarfile.open(target, mode="w") as archive, tarfile.open(fileobj=tree, mode="r|") as given:
        _skeleton(archive, init, without=("usr", "etc", "etc/alternatives"))
        for member in given:
            is_taken = member.name.removeprefix("./").split("/")[0] not in _NOT_TAKEN
            if is_taken and not member.isdev() and _owned_by_root(member) is not None:
                archive.addfile(member, given.extractfile(member) if member.isreg() else None)


def pack_tree(root: Path, target: Path, init: Path) -> None:
    """What of an installed tree a box needs, as an archive."""
    with tarfile.open(target, mode="w") as archive:
        _skeleton(archive, init, without=("usr", "etc/alternatives"))
        archive.add(root / "usr", arcname="usr", filter=_owned_by_root)
        for name in ("etc/alternatives", "etc/ld.so.cache"):
            if (root / name).exists():
                archive.add(root / name, arcname=name, filter=_owned_by_root)
        for name in ("bin", "sbin", "lib", "lib64", "lib32"):
            if (root / name).is_symlink():
                _link(archive, name, str((root / name).readlink()).lstrip("/"))
            elif (root / name).is_dir():
                archive.add(root / name, arcname=name, filter=_owned_by_root)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nothing that raises privileges, no manual pages."""
    if member.name.startswith(("usr/share/doc/", "usr/share/man/", "usr/share/locale/")):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode &= 0o1777
    return member


def _skeleton(archive: tarfile.TarFile, init: Path, *, without: Sequence[str] = ()) -> None:
    for name in (*_MOUNT_POINTS, str(Path(INIT_PATH).parent).lstrip("/")):
        if name not in without:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
    for name, place in _LINKS.items():
        _link(archive, name, place)
    content = init.read_bytes()
    program = tarfile.TarInfo(INIT_PATH.lstrip("/"))
    program.size, program.mode = len(content), 0o755
    archive.addfile(program, io.BytesIO(content))


def _host_links(archive: tarfile.TarFile) -> None:
    """/bin and the like as they are here: links into /usr, or folders to mount on."""
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/") / name
        if path.is_symlink():
            _link(archive, name, str(path.readlink()).lstrip("/"))


def _link(archive: tarfile.TarFile, name: str, place: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, place
    archive.addfile(link)


def _import(engine: Engine, tree: bytes | IO[bytes], *, tag: str, usr: str) -> str:
    changes = [f"LABEL {LABEL}={init_hash()}", f"LABEL {USR_LABEL}={usr}", f'ENTRYPOINT ["{INIT_PATH}"]']
    engine.call(
        "import an image",
        lambda c: c.import_image_from_data(tree, repository=REPOSITORY, tag=tag, changes=changes),
        timeout_s=_IMPORT_TIMEOUT_S,
    )
    found = engine.call("inspect the image", lambda c: c.inspect_image(f"{REPOSITORY}:{tag}"))
    return str(found["Id"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.images", description="Build an image of the docker tier.")
    parser.add_argument("kind", nargs="?", default="host", choices=("host", "debian", "from", "hash"))
    parser.add_argument("name", nargs="?", default="", help="the image of the `from` kind")
    parser.add_argument("--suite", default="bookworm", help="Debian release of the `debian` kind")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    asked = parser.parse_args(arguments)
    if (asked.kind == "from") != bool(asked.name):
        parser.error("from NAME: an image that the daemon has")
    if asked.kind == "hash":
        sys.stdout.write(f"{init_hash()}\n")
        return 0
    engine = Engine()
    try:
        engine.check()
        if asked.kind == "host":
            made = build_host_image(engine)
        elif asked.kind == "from":
            made = build_from(engine, asked.name)
        else:
            made = build_debian_image(engine, suite=asked.suite, mirror=asked.mirror)
    except (PrerequisiteMissing, SandboxFault) as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return 6
    sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
