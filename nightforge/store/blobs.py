"""Content-addressed, compressed texts: programs, prompts, replies, logs. Equal texts are stored once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from sqlalchemy import Connection, Select, bindparam, select

from nightforge.errors import NotFound, StoreFault
from nightforge.store.dialects import in_chunks, insert_missing
from nightforge.store.schema import blob

PLAIN = "plain"
ZLIB = "zlib"
_LEVEL = 6
_SMALL = 96
"""Shorter texts rarely shrink by more than the compressor's own header."""

_READ = select(blob.c.sha256, blob.c.encoding, blob.c.data).where(
    blob.c.sha256.in_(bindparam("digests", expanding=True))
)


def digest_of(text: str) -> bytes:
    """SHA-256 of the UTF-8 text. Lone surrogates, which a model's reply may hold, are kept."""
    return hashlib.sha256(_encode(text)).digest()


def save_texts(connection: Connection, texts: Mapping[bytes, str]) -> None:
    """Store the texts (keyed by their digests) that are not there yet."""
    known = _known(connection, list(texts))
    insert_missing(connection, blob, [_row(digest, text) for digest, text in texts.items() if digest not in known])


def save_new_text(connection: Connection, digest: bytes, text: str) -> None:
    """The same for one that is hardly ever there: nobody looks first, which costs more than packing it."""
    insert_missing(connection, blob, [_row(digest, text)])


def _row(digest: bytes, text: str) -> dict[str, object]:
    raw = _encode(text)
    encoding, data = _pack(raw)
    return {"sha256": digest, "size": len(raw), "encoding": encoding, "data": data}


def _known(connection: Connection, digests: Sequence[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for some in in_chunks(digests):
        rows = connection.execute(_stored(len(some)), {f"digest_{at}": digest for at, digest in enumerate(some)})
        found.update(bytes(row.sha256) for row in rows)
    return found


@cache
def _stored(count: int) -> Select[tuple[bytes]]:
    """An IN of so many. SQLAlchemy's own, which takes any number, is written anew at each execution."""
    return select(blob.c.sha256).where(blob.c.sha256.in_([bindparam(f"digest_{at}") for at in range(count)]))


def load_texts(connection: Connection, digests: Iterable[bytes | None]) -> dict[bytes, str]:
    """The texts by digest. Raises NotFound for an unknown one, StoreFault when one is damaged."""
    wanted = {digest for digest in digests if digest is not None}
    if not wanted:
        return {}
    found: dict[bytes, str] = {}
    for digests in in_chunks(sorted(wanted)):
        for row in connection.execute(_READ, {"digests": digests}):
            digest = bytes(row.sha256)
            found[digest] = _unpack(digest, row.encoding, bytes(row.data))
    for digest in wanted - found.keys():
        raise NotFound(f"no stored text has the SHA-256 {digest.hex()}", where="store", hint="check the hash")
    return found


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _pack(raw: bytes) -> tuple[str, bytes]:
    if len(raw) > _SMALL:
        packed = zlib.compress(raw, _LEVEL)
        if len(packed) < len(raw):
            return ZLIB, packed
    return PLAIN, raw


def _unpack(digest: bytes, encoding: str, data: bytes) -> str:
    try:
        raw = zlib.decompress(data) if encoding == ZLIB else data
    except zlib.error as error:
        raise _damaged(digest) from error
    if hashlib.sha256(raw).digest() != digest:
        raise _damaged(digest)
    return raw.decode("utf-8", "surrogatepass")


def _damaged(digest: bytes) -> StoreFault:
    return StoreFault(
        f"the stored text {digest.hex()} is damaged", where="store", hint="check the disk, and restore a backup"
    )
