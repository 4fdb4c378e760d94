"""Says when a connection is dead. The server's WebSocket pings are answered below us and not seen here, so silence is
broken by frames of our own: after `heartbeat_s` of it we ask for a `pong`, after twice that the connection is dead."""

from __future__ import annotations

from collections.abc import Callable

from shared.client.core.timers import Timer, Timers


class Liveness:
    def __init__(
        self, timers: Timers, heartbeat_s: float, ping: Callable[[], object], dead: Callable[[], None]
    ) -> None:
        self._timers, self._heartbeat_s, self._ping, self._dead = timers, heartbeat_s, ping, dead
        self._heard_at = timers.now
        self._asked = False
        self._timer: Timer = timers.after(heartbeat_s, self._look)

    def heard(self) -> None:
        """Something came from the server."""
        self._heard_at = self._timers.now
        self._asked = False

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        silence = self._timers.now - self._heard_at
        if silence >= 2 * self._heartbeat_s:
            self._dead()
            return
        if silence >= self._heartbeat_s and not self._asked:
            self._asked = True
            self._ping()
        due = self._heard_at + self._heartbeat_s * (2 if self._asked else 1)
        self._timer = self._timers.after(max(due - self._timers.now, 0.001), self._look)
