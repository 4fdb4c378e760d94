"""Passwords, hashed with Argon2id (RFC 9106) in threads of their own, so many at once and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.protocol.errors import ErrorCode, Refused

Result = TypeVar("Result")


class Passwords:
    """`at_once` hashes side by side, `waiting` more in line; beyond that a request is refused, not queued for ever."""

    def __init__(self, *, at_once: int, waiting: int, memory_kib: int, passes: int) -> None:
        # `parallelism` 1: the threads above are the parallelism, and a hash then costs the same on every machine.
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._room = at_once + waiting
        self._decoy = self._hasher.hash(token_hex())

    async def hash(self, password: str) -> str:
        """The hash to keep, in PHC string format. Raises Refused (overloaded)."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether `password` is the one that was hashed. Without a hash it takes the same time, and is False."""
        right = await self._in_thread(lambda: self._verify(kept or self._decoy, password))
        return right and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether `kept` was made with other settings than today's, and should be made again."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if self._room <= 0:
            raise Refused(ErrorCode.OVERLOADED, "Many people are signing in. Try again in a moment.", 2_000)
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._room += 1
