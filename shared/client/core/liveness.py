"""Says when a connection is dead. The server's WebSocket pings are answered below us and not seen here, so silence is
broken by a question of our own: after `heartbeat_s` of it we ask for a `pong`, and only a question that stays
unanswered for as long again ends the connection. Our own lateness is no silence of the other's
(`Timers.after_silence`)."""

from __future__ import annotations

from collections.abc import Callable

from shared.client.core.timers import Timer, Timers


class Liveness:
    def __init__(self, timers: Timers, heartbeat_s: float, ping: Callable[[], None], dead: Callable[[], None]) -> None:
        self._timers, self._heartbeat_s, self._ping, self._dead = timers, heartbeat_s, ping, dead
        self._heard_at = timers.now
        self._asked = False
        self._timer: Timer = timers.after(heartbeat_s, self._look)

    def heard(self) -> None:
        """Something came from the server."""
        self._heard_at = self._timers.now
        if self._asked:
            self._asked = False
            self._timer.cancel()
            self._timer = self._timers.after(self._heartbeat_s, self._look)

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        due = self._heard_at + self._heartbeat_s
        if due > self._timers.now:
            self._timer = self._timers.after(due - self._timers.now, self._look)
            return
        self._asked = True
        self._timer = self._timers.after_silence(self._heartbeat_s, self._dead, self._ping)
        self._ping()
