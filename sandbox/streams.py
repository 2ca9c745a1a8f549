"""The pipe ends of one child: which go inside, which stay here, each closed exactly once."""

from __future__ import annotations

import os


class Streams:
    """`inside` are the child's 0, 1 and 2. Without `has_stdin` the child reads /dev/null."""

    def __init__(self, *, has_stdin: bool) -> None:
        self._open: set[int] = set()
        self.stdin: int | None = None
        if has_stdin:
            reader, self.stdin = self._pipe()
        else:
            reader = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
            self._open.add(reader)
        self.stdout, stdout_inside = self._pipe()
        self.stderr, stderr_inside = self._pipe()
        self.inside = (reader, stdout_inside, stderr_inside)

    def _pipe(self) -> tuple[int, int]:
        reader, writer = os.pipe()
        self._open |= {reader, writer}
        return reader, writer

    def close_inside(self) -> None:
        """After the start: our copies of the child's ends."""
        for number in self.inside:
            self._close(number)

    def close_stdin(self) -> None:
        if self.stdin is not None:
            self._close(self.stdin)
            self.stdin = None

    def close(self) -> None:
        for number in tuple(self._open):
            self._close(number)
        self.stdin = None

    def _close(self, number: int) -> None:
        if number in self._open:
            self._open.remove(number)
            os.close(number)

    def read_words(self) -> str:
        """What a child that is dead left on stderr, cut: for messages about our own tools."""
        os.set_blocking(self.stderr, False)
        try:
            return os.read(self.stderr, 2000).decode(errors="replace").strip()
        except OSError:
            return ""
