"""What a batch's events say to the gateways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import assert_never

from services.router.core import rendering
from services.router.core.events import Answered, Event, Informed, Noticed, Reminded, Resumed, Said, Told
from services.router.core.outgoing import RUN_BYTES, Answer, Out, Outgoing
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


def resumptions(resumed: Iterable[Resumed]) -> list[Out]:
    """What is told to those who resume rooms in one batch: to each of all rooms together, in frames of about
    `RUN_BYTES` at most."""
    by_asker: dict[tuple[str, str, int | None], list[Resumed]] = defaultdict(list)
    for each in resumed:
        by_asker[each.by.address, each.by.session, each.by.question].append(each)
    out = Outgoing("")
    for (address, session, question), rooms in by_asker.items():
        ref = rooms[0].by.frame.ref
        rendered = [(each, rendering.resumed_room(each.answer, each.entries)) for each in rooms]
        while rendered:
            size, count = 0, 0
            while count < len(rendered) and (not count or size + len(rendered[count][1]) <= RUN_BYTES):
                size, count = size + len(rendered[count][1]), count + 1
            now, rendered = rendered[:count], rendered[count:]
            frame = rendering.resumed((room for _, room in now), ref)
            subscribed = [each.subscribed for each, _ in now if each.subscribed is not None]
            names = [each.answer.room for each, _ in now]
            out.answer(address, Answer(session, ref, None, question, names), frame, subscribed)
    return out.done()


def overloaded(out: Out) -> Out | None:
    """What is said in place of an answer that could not be: that it be asked for again. Of a `resume` that stands
    for all of it that is not answered yet. None: `out` is no answer."""
    answer = out.answer
    if answer is None:
        return None
    instead = Outgoing("")
    frame = render(refusal(ErrorCode.OVERLOADED, answer.ref, RETRY_AFTER_MS))
    instead.answer(out.to.addresses[0], answer._replace(rooms=None), frame)
    return instead.done()[0]
