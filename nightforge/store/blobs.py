"""Content-addressed, compressed texts: programs, prompts, replies, logs. Equal texts are stored once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select

from nightforge.errors import NotFound, StoreFault
from nightforge.store.dialects import in_chunks, insert_missing
from nightforge.store.schema import blob

PLAIN = "plain"
ZLIB = "zlib"
_LEVEL = 6
_SMALL = 96
"""Shorter texts rarely shrink by more than the compressor's own header."""

_KNOWN = select(blob.c.size).where(blob.c.sha256 == bindparam("digest"))
_READ = select(blob.c.sha256, blob.c.encoding, blob.c.data).where(
    blob.c.sha256.in_(bindparam("digests", expanding=True))
)


def digest_of(text: str) -> bytes:
    """SHA-256 of the UTF-8 text. Lone surrogates, which a model's reply may hold, are kept."""
    return hashlib.sha256(_encode(text)).digest()


def save_texts(connection: Connection, texts: Mapping[bytes, str]) -> None:
    """Store the texts (keyed by their digests) that are not there yet."""
    rows = []
    for digest, text in texts.items():
        if connection.execute(_KNOWN, {"digest": digest}).first() is None:
            raw = _encode(text)
            encoding, data = _pack(raw)
            rows.append({"sha256": digest, "size": len(raw), "encoding": encoding, "data": data})
    insert_missing(connection, blob, rows)


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
