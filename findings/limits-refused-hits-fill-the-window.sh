#!/usr/bin/env bash
# limits 5.8.0 (PyPI), a rate limiter with several strategies behind one interface.
# One would guess: a hit that is refused takes nothing from the quota, whatever the strategy.
# What happens: with FixedWindowRateLimiter a refused `hit(cost=6)` counts all the same. After one hit of 6 out of 10
#   and a refused second, not even hits of 1 pass until the window ends, though only 6 of 10 were ever granted.
#   MovingWindowRateLimiter and SlidingWindowCounterRateLimiter grant them. So a client that asks for too much once, and
#   then for what it may have, is shut out by one strategy and served by the two others.
# What it means for chat: limits by bytes or by cost must not use the fixed window.
# Needs: Python 3.11 or later.
set -euo pipefail
room=$(mktemp -d); trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/v"
"$room/v/bin/pip" install -qq --disable-pip-version-check limits==5.8.0
"$room/v/bin/python" - <<'PY'
import sys

from limits import parse, storage, strategies

quota, costs = parse("10/hour"), (6, 6, 1, 1)
seen = {}
for kind in (strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter, strategies.SlidingWindowCounterRateLimiter):
    limiter = kind(storage.MemoryStorage())
    seen[kind.__name__] = [limiter.hit(quota, "somebody", cost=cost) for cost in costs]
    print(f"{kind.__name__}: costs {costs} out of 10 an hour -> {seen[kind.__name__]}")
expected = {
    "FixedWindowRateLimiter": [True, False, False, False],
    "MovingWindowRateLimiter": [True, False, True, True],
    "SlidingWindowCounterRateLimiter": [True, False, True, True],
}
if seen != expected:
    sys.exit("This has changed: the three strategies judge a refused hit otherwise than they did.")
PY
