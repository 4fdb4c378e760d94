"""Reading a file's structure while its bytes stream by.

A format is a parser that takes a few bytes, skips the rest of a box unread, and goes on. So what it looks for may lie
behind any number of bytes, and none of them are kept.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, NamedTuple, TypeVar


class Take(NamedTuple):
    """Asks for the next `size` bytes, a few."""

    size: int


class Skip(NamedTuple):
    """Asks for nothing and leaves out the next `size` bytes."""

    size: int


Found = TypeVar("Found")
Parser = Generator[Take | Skip, bytes, Found]


class Walk(Generic[Found]):
    """One parser, fed with the file in pieces of any size. `found` is None until it has come to its end. `steps`: after
    so many it is given up."""

    def __init__(self, parser: Parser[Found], steps: int) -> None:
        self._parser, self._steps_left = parser, steps
        self._taken = b""
        self.found: Found | None = None
        self._wanted: Take | Skip | None = None
        self._go_on(None)

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        at = 0
        while self._wanted is not None and at < len(chunk):
            count = min(self._wanted.size, len(chunk) - at)
            if isinstance(self._wanted, Take):
                self._taken += chunk[at : at + count]
            at += count
            self._wanted = self._wanted._replace(size=self._wanted.size - count)
            if self._wanted.size == 0:
                taken, self._taken = self._taken, b""
                self._go_on(taken)

    def _go_on(self, taken: bytes | None) -> None:
        """To the next step for which bytes are needed."""
        try:
            while True:
                self._steps_left -= 1
                if self._steps_left < 0:
                    self._wanted = None
                    return
                self._wanted = next(self._parser) if taken is None else self._parser.send(taken)
                if self._wanted.size > 0:
                    return
                taken = b""
        except StopIteration as end:
            self._wanted = None
            self.found = end.value
