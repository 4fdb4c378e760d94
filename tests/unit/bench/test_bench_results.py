"""RESULTS.md says what its figures say: goals met or not, sentences, where and when it was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import compare, parts, results_file, test_hot_path
from tests.bench.__main__ import HERE, SECTIONS
from tests.bench.curves import bodies, compression, history, idle, rooms, spread, steady
from tests.bench.micro import condensed
from tests.bench.section import Section

TITLES = (
    "small rooms, 100x10, 8 in flight",
    "one big room, 1000 members, 4 in flight",
    "light load, 100x10, 200 messages/s",
)


def run(
    rate: float = 100_000, cpu: float = 10, p50: float = 1, p99: float = 2, kib: float = 5, missing: int = 0
) -> Any:
    return {
        "deliveries_per_s": rate, "cpu_us_per_delivery": cpu, "latency_ms": {"p50": p50, "p99": p99, "max": 9},
        "kib_per_connection": kib, "missing": missing,
    }  # fmt: skip


def runs(**ours: float) -> dict[str, Any]:
    """Peers of 100,000/s at 10 µs, and Homin as given."""
    systems: dict[str, Any] = {name: [run()] for name in ("seed", "socketio", "psocketio")}
    return {title: {"ours": [run(**ours)], **systems} for title in TITLES}  # type: ignore[arg-type]


# ── goals ──


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        ({"rate": 150_000, "cpu": 6, "p50": 3, "p99": 8, "kib": 6}, []),
        ({"rate": 149_000, "cpu": 6}, [2]),
        ({"rate": 119_000, "cpu": 6}, [0, 2]),
        ({"rate": 150_000, "cpu": 6.1}, [3]),
        ({"rate": 150_000, "cpu": 10.1}, [1, 3]),
        ({"rate": 150_000, "cpu": 6, "p50": 3.1}, [4]),
        ({"rate": 150_000, "cpu": 6, "p99": 8.1}, [5]),
        ({"rate": 150_000, "cpu": 6, "kib": 6.1}, [6]),
    ],
)
def test_each_goal_is_met_at_its_bound_and_missed_beyond_it(ours: dict[str, float], missed: list[int]) -> None:
    measured = runs(**ours)
    assert [n for n, goal in enumerate(compare.GOALS) if not goal.is_met(measured)] == missed
    rows = compare.goals(measured)[2:-1]
    assert [n for n, row in enumerate(rows) if "**not met**" in row] == missed
    assert compare.verdict(measured).startswith(f"{7 - len(missed)} of 7 goals")


def test_a_figure_is_the_median_of_its_rounds() -> None:
    measured = runs()
    measured[TITLES[0]]["ours"] = [run(rate=1), run(rate=300_000), run(rate=200_000)]
    assert compare.median(measured, compare.SMALL, "ours", "deliveries/s") == 200_000


def test_a_missing_delivery_is_said_aloud() -> None:
    assert "No delivery of Homin's is missing." in compare.verdict(runs())
    assert "**Missing deliveries of Homin: 9.**" in compare.verdict(runs(missing=3))


def test_the_comparison_shows_every_system_and_the_ratios_to_it() -> None:
    text = "\n".join(compare.tell({"runs": runs(rate=250_000), "rounds": 2, "seconds": 5}))
    assert "| Homin, stored in PostgreSQL | 250,000 |" in text
    assert "| Homin / Socket.IO + Redis ×2 | 2.50 × | 1.00 × |" in text


# ── sentences ──


def test_the_parts_name_the_dearest_first() -> None:
    point = {"load": "L", "deliveries_per_s": 5_000, "cpu_us": {"router-1": 2.0, "gateway-1": 4.0, "gateway-2": 4.0},
             "busy": {}}  # fmt: skip
    said = parts.sentence(point)
    assert said == "At L (5,000 deliveries/s) a delivery costs 10.0 µs of CPU: gateways 80% and routers 20%."


def test_rooms_of_any_size_share_the_same_connections() -> None:
    assert [rooms.work(size, 1_000)["rooms"] for size in rooms.SIZES] == [500, 100, 20, 5, 1, 1]
    assert (rooms.work(10, 1_000)["in_flight"], rooms.work(1_000, 1_000)["in_flight"]) == (8, 4), "as in the comparison"


def test_large_messages_fly_fewer_at_once() -> None:
    assert [bodies.in_flight(size) for size in bodies.SIZES] == [8, 8, 8, 8, 4, 1]


def test_the_price_of_a_kib_is_the_slope() -> None:
    points = [{"body": 1024 * n, "cpu_us": 10 + 3 * n, "deliveries_per_s": 1_000} for n in (1, 2, 4)]
    assert "each further KiB of text some 3.00 µs" in bodies.sentence({"points": points})
    assert "Most bytes pass at 4,096 B: 3.91 MiB/s" in bodies.sentence({"points": points})


def spread_point(gateways: int, routers: int, *routers_us: float) -> Any:
    cpu = {f"router-{n}": us for n, us in enumerate(routers_us, 1)}
    return {"gateways": gateways, "routers": routers, "deliveries_per_s": 1, "cpu_us": cpu | {"gateway-1": 7.0}}


def test_routers_that_got_no_shard_are_not_counted_as_working() -> None:
    assert spread.working_routers(spread_point(2, 3, 5.0, 0.1, 0.0)) == 1
    assert spread.working_routers(spread_point(2, 3, 2.0, 1.5, 1.5)) == 3
    points = [spread_point(1, 1, 3.0), spread_point(2, 1, 4.0), spread_point(2, 3, 5.0, 0.1, 0.0)]
    assert spread.sentence({"points": points}) == (
        "From 1 to 2 gateways a delivery goes from 10.0 to 11.0 µs. From 1 to 3 routers a delivery goes from 11.0 to "
        "12.1 µs. With 3 routers, 1 had work to do."
    )


def steady_data(**own: list[int]) -> Any:
    count = len(next(iter(own.values())))
    return {"times_s": [10.0 * n for n in range(count)], "every_s": 10.0, "own": own}


def test_memory_that_keeps_growing_is_not_flat_and_a_warm_up_is_no_growth() -> None:
    mib = 1 << 20
    warm = [50 * mib, 90 * mib, *[100 * mib] * 10]
    leak = [(100 + n) * mib for n in range(12)]
    data = steady_data(warm=warm, leak=leak)
    assert steady.growth_of(data, "warm") == pytest.approx((0, 0))
    assert steady.growth_of(data, "leak")[0] == pytest.approx(6 * 1024), "a MiB each ten seconds"
    assert steady.sentence(data).startswith("**Not flat**")
    assert "leak (+" in steady.sentence(data)
    assert steady.sentence(data).endswith("Flat: warm.")
    assert steady.sentence(steady_data(warm=warm)) == "Every process is flat: none grew by more than 3% of its mean."


def test_a_history_is_judged_by_its_slowest_request() -> None:
    def kind(p99: float) -> Any:
        return {"count": 1, "quantiles_ms": [p99 if q >= 0.99 else 1 for q in history.QUANTILES]}

    assert "Slowest is b: p99 9.90 ms (goal: under 10 ms: met)" in history.sentence(
        {"kinds": {"a": kind(2), "b": kind(9.9)}}
    )
    assert "**not met**" in history.sentence({"kinds": {"a": kind(10)}})


def test_a_connection_costs_what_it_added() -> None:
    empty = {"connections": 0, "gateways": 1 << 20, "all": 3 << 20}
    full = {"connections": 1_024, "gateways": 7 << 20, "all": 11 << 20}
    assert (idle.kib_each(full, empty, "gateways"), idle.kib_each(full, empty, "all")) == (6, 8)


def test_arrivals_are_judged_by_the_slower_gateway() -> None:
    def data(*alone: float) -> Any:
        arrivals = [{"beside": 0, "per_s": per_s, "cpu_us": 400} for per_s in alone]
        return {"arrivals": [*arrivals, {"beside": 1, "per_s": 900, "cpu_us": 600}], "joins_per_s": 1}

    assert "goal 2,000/s: met" in idle.arrivals(data(2_000, 2_500))
    assert "**not met**" in idle.arrivals(data(1_999, 2_500))


def compression_data(agreed: str) -> Any:
    points = [
        {
            "characters": size,
            "plain": {"agreed": "", "bytes": 400.0, "cpu_us": {"gateway-1": 5.0}},
            "offered": {"agreed": agreed, "bytes": 100.0, "cpu_us": {"gateway-1": 6.0}},
        }
        for size in (50, 8_000)
    ]
    return {"points": points}


def test_a_server_that_does_not_agree_to_compress_is_said_not_to() -> None:
    assert compression.sentence(compression_data("")).startswith("**Not negotiated**")
    said = compression.sentence(compression_data("permessage-deflate"))
    assert "At 50 characters it saves 75% of the bytes for +1.00 µs a delivery" in said


# ── the whole ──


def section(name: str) -> Section:
    return Section(name, name.title(), f"make {name}", lambda _: {}, lambda data: [data["said"], ""])


def measured(cores: int = 2, python: str = "3.11.2") -> dict[str, Any]:
    return {
        "date": "2026-11-23 04:00 UTC", "commit": "abc1234", "command": "make it",
        "machine": {"cores": cores, "cpu": "C", "memory_gib": 4, "kernel": "6.1", "system": "Debian"},
        "versions": {"Python": python, "RabbitMQ": "4.0.5"},
    }  # fmt: skip


def test_a_section_without_figures_is_left_out_and_the_others_keep_their_order() -> None:
    found = {name: {"said": f"figures of {name}", "measured": measured()} for name in ("last", "parts")}
    text = results_file.compose(found, [section("compare"), section("parts"), section("last")], "What we tried.\n")
    assert "## Compare" not in text
    assert text.index("figures of parts") < text.index("What we tried.") < text.index("figures of last")


def test_the_machine_is_told_once_and_again_only_where_it_was_another() -> None:
    assert results_file.origin(measured(), None) == (
        "<sub>2026-11-23 04:00 UTC, commit abc1234: `make it`. 2 cores of C, 4 GiB, Linux 6.1, Debian. Python 3.11.2, "
        "RabbitMQ 4.0.5.</sub>"
    )
    assert results_file.origin(measured(), measured()) == "<sub>2026-11-23 04:00 UTC, commit abc1234: `make it`.</sub>"
    assert "8 cores" in results_file.origin(measured(cores=8), measured())
    assert results_file.origin(measured(python="3.13.1"), measured()).endswith("`make it`. Python 3.13.1.</sub>")


def test_a_trial_says_that_its_figures_say_nothing() -> None:
    found = {"a": {"said": "", "measured": measured(), "small": True}}
    assert results_file.TRIAL in results_file.compose(found, [section("a")], "")


def test_results_md_says_what_its_files_say(tmp_path: Path) -> None:
    """Nobody edits it, and nobody forgets to write it anew."""
    (tmp_path / "results").symlink_to(HERE / "results")
    results_file.write(tmp_path, SECTIONS)
    assert (tmp_path / "RESULTS.md").read_text() == (HERE / "RESULTS.md").read_text()


def test_every_committed_figure_was_measured_in_earnest() -> None:
    for path in sorted((HERE / "results").glob("*.json")):
        assert not json.loads(path.read_text())["small"], path.name


def test_every_step_of_the_hot_path_has_a_benchmark() -> None:
    names = [name for name in dir(test_hot_path) if name.startswith("test_")]
    for step in ("parse", "route", "render", "frame", "fan_out"):
        assert [name for name in names if name.startswith(f"test_{step}_")], step


def test_nothing_of_the_machine_is_kept_with_the_micro_benchmarks() -> None:
    report = {
        "machine_info": {"node": "secret"},
        "benchmarks": [{"name": "test_parse_a_frame", "stats": {"median": 2e-6, "min": 1e-6, "rounds": 9, "max": 1}}],
    }
    kept = condensed(report)
    assert kept == [{"name": "parse a frame", "median_us": pytest.approx(2), "min_us": pytest.approx(1), "rounds": 9}]
