"""What /proc says of processes."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.bench.processes import Watch, tree, usage


def test_a_tree_holds_what_descends_from_its_root() -> None:
    grandchild = "import subprocess,sys; subprocess.run([sys.executable,'-c','print(1,flush=True);input()'])"
    child = subprocess.Popen([sys.executable, "-c", grandchild], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline(), "the grandchild runs"
        assert child.pid in tree([os.getpid()])
        assert len(tree([child.pid])) == 2
        assert os.getpid() not in tree([child.pid])


def test_work_and_memory_show_in_the_usage() -> None:
    before = usage([os.getpid()])
    held = b"x" * (64 << 20)
    while usage([os.getpid()]).cpu_s < before.cpu_s + 0.05:
        hash(held[: 1 << 20])
    after = usage([os.getpid()])
    assert after.own - before.own > len(held) // 2
    assert after.rss - before.rss > len(held) // 2


def test_what_has_ended_counts_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert usage([child.pid]) == (0, 0, 0)


def test_a_watch_begins_and_ends_with_a_sample() -> None:
    with Watch({"me": [os.getpid()]}, every_s=60) as watch:
        pass
    assert len(watch.samples) == len(watch.times) == 2
    assert watch.cpu_between(*watch.times)["me"] >= 0
