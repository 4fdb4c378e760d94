"""What a batch's events say to the gateways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from services.router.core import rendering
from services.router.core.events import Answered, Event, Informed, Noticed, Reminded, Said, Told
from services.router.core.outgoing import Out, Outgoing
from services.router.core.refusals import RETRY_AFTER_MS, refusal
from shared.protocol.codec import render
from shared.protocol.errors import ErrorCode


def deliveries(room: str, events: Iterable[Event]) -> list[Out]:
    """One room's events, in order, with their frames rendered."""
    out = Outgoing(room)
    for event in events:
        if type(event) is Said:  # once an entry; a pattern that takes it apart costs four times as much
            out.entry(event.to, event.entry.seq, event.entry.frame, event.skip)
            continue
        match event:
            case Answered(by, ref, answer, settle, subscribed):
                out.reply(by, ref, rendering.answer(answer, event.own_ref), settle, subscribed)
            case Noticed(to, frame, skip):
                out.notice(to, render(frame), skip=skip)
            case Told(address, session, frame):
                out.direct(address, session, render(frame))
            case Reminded(address, session, frames):
                out.notice_to(address, session, *map(render, frames))
            case Informed(address, message):
                out.inform(address, message)
            case _:
                assert_never(event)
    return out.done()


def overloaded(out: Out) -> Out | None:
    """What is said in place of an answer that could not be: that it be asked for again. None: `out` is no answer."""
    answer = out.answer
    if answer is None:
        return None
    instead = Outgoing("")
    frame = render(refusal(ErrorCode.OVERLOADED, answer.ref, RETRY_AFTER_MS))
    instead.answer(out.to.addresses[0], answer, frame)
    return instead.done()[0]
