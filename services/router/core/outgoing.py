"""What a batch has to say to the gateways, in order, each part packed once however many gateways get it, and none
larger than a body has room for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pydantic_core import from_json

from services.router.core.audience import Audience, one
from shared.protocol.bus import ITEM_BYTES, Direct, Fanout, Post, Submit, Subscribed
from shared.protocol.client import Frame
from shared.protocol.codec import pack, render
from shared.protocol.errors import ErrorCode
from shared.protocol.server import error

RUN_BYTES: Final = 256 << 10
"""Entries that are told as one, at most; a larger one is told alone."""
TOO_LARGE: Final = "The answer is more than the server sends in one piece. Ask for less."
MOST: Final = ITEM_BYTES - (4 << 10)
"""Bytes of a frame for one session: what is around it is far less than the rest."""


class Answer(NamedTuple):
    """Whose answer something is: which session's, to its frame with this `ref`; `answers`, `question`, `rooms`: see
    `Direct`."""

    session: str
    ref: str | None
    answers: str | None = None
    question: int | None = None
    rooms: list[str] | None = None


class Out(NamedTuple):
    """One bus message, or some that are nothing without one another, with their payload, for these gateways. `answer`:
    somebody waits for it; where it cannot be said, something else must be."""

    to: Audience
    part: bytes
    payload: tuple[bytes, ...]
    answer: Answer | None = None

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return len(self.part) + sum(map(len, self.payload))


class Outgoing:
    """Gathers one room's `Out`s. Entries that follow one another to the same gateways become one `Fanout`."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._outs: list[Out] = []
        self._run: list[bytes] = []
        self._run_bytes = 0
        self._first = 0
        self._to = Audience((), ())

    def entry(self, to: Audience, seq: int, frame: bytes, skip: str | None = None) -> None:
        """An entry for everyone in the room."""
        grown = self._run_bytes + len(frame) > RUN_BYTES
        if self._run and (grown or skip or self._to is not to or seq != self._first + len(self._run)):
            self._close_run()
        if not to.addresses:
            return
        if not self._run:
            self._to, self._first = to, seq
        self._run.append(frame)
        self._run_bytes += len(frame)
        if skip:
            self._close_run(skip)

    def notice(self, to: Audience, *rendered: bytes, skip: str | None = None) -> None:
        """What may be dropped under pressure: presence, typing, read marks."""
        if to.addresses:
            self._add(to, Fanout(room=self._room, first=None, sizes=[len(f) for f in rendered], skip=skip), *rendered)

    def direct(self, address: str, session: str, frame: bytes) -> None:
        """A frame for one session."""
        frame = bounded(frame)
        self._add(one(address), Direct(session=session, sizes=[len(frame)]), frame)

    def notice_to(self, address: str, session: str, *rendered: bytes) -> None:
        """As `notice`, for one session."""
        self._add(one(address), Direct(session=session, sizes=[len(f) for f in rendered], notice=self._room), *rendered)

    def reply(
        self, by: Submit | Post, ref: str | None, frame: bytes, settle: str | None = None, subscribed: int | None = None
    ) -> None:
        """The answer to `by`, whose session is there. `ref`: what it bears. `settle`: the `id` of a `file` frame."""
        question, session = by.question if by.type == "submit" else None, by.session or ""
        first = () if subscribed is None else (Subscribed(room=self._room, sessions=[session], seq=subscribed),)
        self.answer(by.address or "", Answer(session, ref, settle, question), frame, first)

    def answer(self, address: str, answer: Answer, frame: bytes, subscribed: Iterable[Subscribed] = ()) -> None:
        """`subscribed`: with it the session is subscribed, and has, or is being sent, everything up to there."""
        self._close_run()
        frame = bounded(frame)
        direct = Direct(
            session=answer.session, sizes=[len(frame)], answers=answer.answers, question=answer.question,
            rooms=answer.rooms,
        )  # fmt: skip
        part = b",".join(map(pack, (*subscribed, direct)))
        self._outs.append(Out(one(address), part, (frame,), answer))

    def inform(self, address: str, message: Frame) -> None:
        """For the gateway itself, or another service."""
        self._add(one(address), message)

    def done(self) -> list[Out]:
        self._close_run()
        return self._outs

    def _add(self, to: Audience, message: Frame, *payload: bytes) -> None:
        self._close_run()
        self._outs.append(Out(to, pack(message), payload))

    def _close_run(self, skip: str | None = None) -> None:
        if self._run:
            run, self._run, self._run_bytes = tuple(self._run), [], 0
            part = pack(Fanout(room=self._room, first=self._first, sizes=[len(f) for f in run], skip=skip))
            self._outs.append(Out(self._to, part, run))


def bounded(frame: bytes) -> bytes:
    """`frame`; in place of one that no body has room for, a refusal with its `ref`."""
    if len(frame) <= MOST:
        return frame
    return render(error(ErrorCode.TOO_LARGE, TOO_LARGE, from_json(frame).get("ref")))
