"""15,000 idle connections over two gateways: how fast they come, what memory they take, what CPU they use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from tests.bench import plots
from tests.bench.crowd import Crowd, crowd
from tests.bench.figures import number, table
from tests.bench.line import Line
from tests.bench.processes import Usage, usage_of
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import Serving, serving

CONNECTIONS = 15_000
STAGES: tuple[tuple[int, ...], ...] = ((0,), (1,), (0, 1), (0, 1), (0, 1), (0, 1))
"""Which gateways get a part of their connections in each stage: first one alone, then the other, then both at once."""
QUIET_S = 30.0
WARM_ROOMS = 64  # some in every shard
KINDS = ("gateways", "all")
GOAL_PER_S = 2_000


def measure(effort: Effort) -> Data:
    share = (60 if effort.small else CONNECTIONS) // 10
    with ExitStack() as stack:
        system = stack.enter_context(serving(users=share * 10))
        crowds = [stack.enter_context(crowd(url, tokens)) for url, tokens in each_with_tokens(stack, system, share * 5)]
        uvloop.run(first_of_all(system))
        points, arrivals = [memory(system, 0)], []
        for members in STAGES:
            before = usage_of(system.parts_of("gateway"))
            seconds = together([crowds[n] for n in members], f"connect {share}")
            after = usage_of(system.parts_of("gateway"))
            arrivals += [
                {
                    "beside": len(members) - 1, "per_s": share / seconds[position],
                    "cpu_us": (after[name].cpu_s - before[name].cpu_s) * 1e6 / share,
                }
                for position, n in enumerate(members) for name in [f"gateway-{n + 1}"]
            ]  # fmt: skip
            points.append(memory(system, points[-1]["connections"] + share * len(members)))
        joining = together(crowds, "join")
        joined = memory(system, points[-1]["connections"])
        quiet_s = 3.0 if effort.small else QUIET_S
        cpu0, began = usage_of(system.parts), time.monotonic()
        time.sleep(quiet_s)
        cpu1, span = usage_of(system.parts), time.monotonic() - began
        # Whoever was lost meanwhile says so now.
        together(crowds, "connect 0")
        return {
            "servers": system.versions, "points": points, "arrivals": arrivals, "joined": joined,
            "joins_per_s": share * 5 / max(joining) * len(crowds), "quiet_s": quiet_s,
            "busy": {name: (cpu1[name].cpu_s - cpu0[name].cpu_s) / span for name in cpu1},
        }  # fmt: skip


async def first_of_all(system: Serving) -> None:
    """One client on each gateway goes through many rooms: what is opened once, however many come, is open then."""
    tokens = Path(system.tokens).read_text().split()
    for url, token in zip(system.urls, tokens, strict=False):
        line = Line(url)
        await line.open(token)
        for n in range(WARM_ROOMS):
            room = f"first{n}"
            await line.ask({"type": "join", "room": room}, b'"type":"joined"')
            await line.ask({"type": "chat", "room": room, "id": f"{url}{n}", "text": "hello"}, b'"type":"message"')
        line.close()


def each_with_tokens(stack: ExitStack, system: Serving, share: int) -> list[tuple[str, str]]:
    """A file with tokens of its own for each gateway."""
    folder = Path(stack.enter_context(TemporaryDirectory()))
    tokens = Path(system.tokens).read_text().split()
    found = []
    for n, url in enumerate(system.urls):
        place = folder / str(n)
        place.write_text("\n".join(tokens[n * share : (n + 1) * share]))
        found.append((url, str(place)))
    return found


def together(crowds: Sequence[Crowd], command: str) -> list[float]:
    """All at the same time; how long each took, in seconds."""
    for each in crowds:
        each.say(command)
    return [each.hear()["seconds"] for each in crowds]


def memory(system: Serving, connections: int) -> dict[str, Any]:
    """Resident bytes now, of the gateways and of all."""
    used = usage_of(system.parts)
    gateways = sum(used[name].rss for name in system.parts_of("gateway"))
    return {"connections": connections, "gateways": gateways, "all": total(used.values()).rss}


def total(used: Any) -> Usage:
    return Usage(*(sum(values) for values in zip(*used, strict=True)))


def kib_each(point: Data, empty: Data, kind: str) -> float:
    """What a connection has added, in KiB."""
    return float((point[kind] - empty[kind]) / 1024 / point["connections"])


def tell(data: Data) -> list[str]:
    empty = data["points"][0]
    rows = [
        [f"{p['connections']:,}", *(number(p[kind] / (1 << 20)) for kind in KINDS)]
        + [number(kib_each(p, empty, kind)) if p["connections"] else "" for kind in KINDS]
        for p in data["points"]
    ]
    last = data["joined"]
    rows.append(
        [f"{last['connections']:,}, each in a room of 10", *(number(last[kind] / (1 << 20)) for kind in KINDS)]
        + [number(kib_each(last, empty, kind)) for kind in KINDS]
    )
    about = "Resident memory, with what is opened once (connections to the database, the first rooms) open before."
    head = ["idle connections", "gateways MiB", "all processes MiB", "gateways KiB each", "all KiB each"]
    return [about, "", *table(head, rows), sentence(data), "", arrivals(data), ""]


def sentence(data: Data) -> str:
    empty, full, joined = data["points"][0], data["points"][-1], data["joined"]
    gateways = sum(busy for name, busy in data["busy"].items() if name.startswith("gateway-"))
    return (
        f"{full['connections']:,} welcomed connections take {number(kib_each(full, empty, 'gateways'))} KiB each in "
        f"the gateways and {number(kib_each(full, empty, 'all'))} KiB over all processes; when each has joined a "
        f"room of 10, {number(kib_each(joined, empty, 'gateways'))} and {number(kib_each(joined, empty, 'all'))} KiB. "
        f"Left alone for {data['quiet_s']:g} s they use {gateways:.1%} of a core in the gateways, "
        f"{sum(data['busy'].values()):.1%} in all processes (a ping each 25 s)."
    )


def arrivals(data: Data) -> str:
    """How fast connections came, tokens verified: to one gateway alone, and to both at once."""
    alone = [a["per_s"] for a in data["arrivals"] if not a["beside"]]
    beside = [a["per_s"] for a in data["arrivals"] if a["beside"]]
    cost = sum(a["cpu_us"] for a in data["arrivals"]) / len(data["arrivals"])
    met = "met" if min(alone) >= GOAL_PER_S else "**not met**"
    return (
        f"With tokens verified, a gateway welcomes {number(min(alone))} to {number(max(alone))} connections/s while "
        f"the other rests (goal {GOAL_PER_S:,}/s: {met}), and {number(min(beside))} to {number(max(beside))}/s each "
        f"while both do, with the connecting clients on the same cores. A connection costs its gateway {number(cost)} "
        f"µs of CPU, so one that has a core for itself takes {number(1e6 / cost)}/s. Joining went at "
        f"{number(data['joins_per_s'])}/s, each stored."
    )


def plot(data: Data, path: Path) -> None:
    counts = [p["connections"] for p in data["points"]]
    with plots.figure(path) as (ax,):
        lines = {kind: [p[kind] / (1 << 20) for p in data["points"]] for kind in KINDS}
        plots.curve(ax, counts, {"all processes": lines["all"], "gateways": lines["gateways"]}, "connections", "MiB")


SECTION = Section("idle", "Idle connections", "make bench-curves ONLY=idle", measure, tell, plot)
