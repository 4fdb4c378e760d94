"""Shared compression: bytes on the wire and CPU, with and without a client that offers permessage-deflate."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import plots
from tests.bench.figures import by_kind, medians, number, table
from tests.bench.line import Line
from tests.bench.processes import usage_of
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import Serving, serving

SIZES = (50, 150, 500, 2_000, 8_000)
MEMBERS = 200
RATE = 50  # messages a second: the same work with and without, far from what either can do
WAIT_S = 10  # for what comes at once, or within a second: a large room tells its number at that pace
SEED = 11
SAID = (
    "Good morning! Who is in already?", "Добрий ранок, я вже на місці.",
    "The deploy of the router went through at 9:40.", "Ні, порядок той самий, номери ідуть підряд.",
    "Can somebody look at the failing test in tests/flow? It is red since yesterday.", "Дякую, зараз гляну.",
    "I think we lose the order when two batches overlap, see the second log line.",
    "ok", "👍", "https://chat.example.org/room/42 is the room where we talked about it", "Coffee in ten minutes?",
    "Я буду трохи пізніше, почніть без мене.", "The invoice for October is in the folder, please check the VAT number.",
    "It took 12.4 ms at p99, down from 31.", "Хто сьогодні чергує?", "Me, until six. Then Olena.",
    "We should write that down before we forget why it is so.", "Так, додам у README сьогодні ввечері.",
)  # fmt: skip


def prose(draw: random.Random, characters: int) -> str:
    """What people write in a chat, so long."""
    text = draw.choice(SAID)
    while len(text) < characters:
        text += " " + draw.choice(SAID)
    return text[:characters]


async def enter(line: Line, token: str, room: str) -> None:
    await line.open(token)
    await line.ask({"type": "join", "room": room}, b'"type":"joined"')


async def talk(system: Serving, room: str, characters: int, members: int, seconds: float, deflate: bool) -> Data:
    """One sender talks to a room of members who all offer deflate, or none does."""
    draw = random.Random(SEED)
    tokens = Path(system.tokens).read_text().split()
    lines = [Line(system.urls[n % len(system.urls)], deflate, reads=n == 0) for n in range(members)]
    witness, sender = lines[0], lines[-1]
    await enter(witness, tokens[0], room)
    all_told = witness.expect(b'"members":%d' % members)
    for line, token in zip(lines[1:], tokens[1:], strict=False):
        await enter(line, token, room)
    await asyncio.wait_for(all_told, WAIT_S)
    cpu0, received0, began = usage_of(system.parts), sum(line.received for line in lines), time.monotonic()
    count = round(RATE * seconds)
    all_there = witness.expect_messages(count)
    for n in range(count):
        await asyncio.sleep(max(0.0, began + n / RATE - time.monotonic()))
        sender.send({"type": "chat", "room": room, "id": f"{room}-{n}", "text": prose(draw, characters)})
    try:
        await asyncio.wait_for(all_there, WAIT_S)
    except TimeoutError:
        raise SystemExit(f"{count - witness.messages} of {count} messages did not come to {room}") from None
    cpu1, received1 = usage_of(system.parts), sum(line.received for line in lines)
    lost = [line.closed for line in lines if line.closed]
    assert not lost, lost
    for line in lines:
        line.close()
    deliveries = count * members
    return {
        "agreed": witness.agreed,
        "bytes": (received1 - received0) / deliveries,
        "cpu_us": {name: (cpu1[name].cpu_s - cpu0[name].cpu_s) * 1e6 / deliveries for name in cpu0},
    }


def measure(effort: Effort) -> Data:
    members, sizes = (20, SIZES[:2]) if effort.small else (MEMBERS, SIZES)
    points = []
    with serving(users=members) as system:
        print(f"seed {SEED}", flush=True)
        for characters in sizes:
            point: dict[str, Any] = {"characters": characters}
            for name, deflate in (("plain", False), ("offered", True)):
                rounds = [
                    uvloop.run(talk(system, f"{name}{characters}.{n}", characters, members, effort.seconds, deflate))
                    for n in range(effort.rounds)
                ]
                point[name] = {
                    "agreed": rounds[0]["agreed"],
                    "bytes": medians([{"": each["bytes"]} for each in rounds])[""],
                    "cpu_us": medians([each["cpu_us"] for each in rounds]),
                }
            points.append(point)
    return {"servers": system.versions, "members": members, "rate": RATE, "seed": SEED, "points": points}


def tell(data: Data) -> list[str]:
    about = (
        f"One room of {data['members']} members, {data['rate']} messages/s of chat prose in English and Ukrainian "
        f"(seed {data['seed']}); bytes as they come out of the socket, frames' heads included."
    )
    rows = []
    for p in data["points"]:
        row = [f"{p['characters']:,} characters"]
        for name in ("plain", "offered"):
            kinds = by_kind(p[name]["cpu_us"])
            row += [number(p[name]["bytes"]), number(kinds["gateways"]), number(sum(kinds.values()))]
        rows.append(row)
    head = ["text", "bytes", "gateways µs", "all µs", "offered: bytes", "gateways µs", "all µs"]
    return [about, "", *table(head, rows), sentence(data), ""]


def sentence(data: Data) -> str:
    agreed = {p["offered"]["agreed"] for p in data["points"]}
    if agreed == {""}:
        return (
            "**Not negotiated**: the server accepts no compression from a client that offers `permessage-deflate` "
            "without context takeover, so both halves of the table are the same work."
        )
    first, last = data["points"][0], data["points"][-1]
    saved = [1 - p["offered"]["bytes"] / p["plain"]["bytes"] for p in (first, last)]
    cost = [sum(p["offered"]["cpu_us"].values()) - sum(p["plain"]["cpu_us"].values()) for p in (first, last)]
    return (
        f"Negotiated `{sorted(agreed)[-1]}`. At {first['characters']:,} characters it saves {saved[0]:.0%} of the "
        f"bytes for {cost[0]:+.2f} µs a delivery, at {last['characters']:,} characters {saved[1]:.0%} for "
        f"{cost[1]:+.2f} µs."
    )


def plot(data: Data, path: Path) -> None:
    sizes = [p["characters"] for p in data["points"]]
    names = {"plain": "without", "offered": "deflate offered"}
    with plots.figure(path, 2) as (wire, cost):
        lines = {shown: [p[name]["bytes"] for p in data["points"]] for name, shown in names.items()}
        plots.curve(wire, sizes, lines, "characters of text", "bytes a delivery", "xy")
        lines = {shown: [sum(p[name]["cpu_us"].values()) for p in data["points"]] for name, shown in names.items()}
        plots.curve(cost, sizes, lines, "characters of text", "CPU µs a delivery", "x")


SECTION = Section(
    "compression",
    "Shared compression",
    "make bench-curves ONLY=compression SECONDS={seconds:g} ROUNDS={rounds}",
    measure,
    tell,
    plot,
)
