"""What is sent to this process: the router's answers, and tokens that have been signed out."""

from __future__ import annotations

import asyncio

import structlog

from shared.bus.port import Bus, Mailbox, Reopened
from shared.bus.requests import Requests
from shared.bus.revocations import RevocationsAsker
from shared.protocol.bus import Access, Direct, Removed, Revocations, Revoked
from shared.protocol.codec import Malformed, decode
from shared.tokens.verifier import Verifier

log = structlog.stdlib.get_logger("homin.files")


class Mail:
    """The one loop over the process's mailbox. `questions` and `posts` wait for the router's answers.
    `asks_accounts`: whether there are accounts that know which tokens are revoked."""

    def __init__(
        self, bus: Bus, questions: Requests[Access], posts: Requests[bytes], verifier: Verifier, *, asks_accounts: bool
    ) -> None:
        self._bus, self._questions, self._posts, self._verifier = bus, questions, posts, verifier
        self._asks_accounts, self._revocations = asks_accounts, RevocationsAsker()

    async def run(self, mailbox: Mailbox) -> None:
        """Until cancelled. Asks at the start, and whenever something may have been lost, which tokens are refused."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(mailbox))
            if self._asks_accounts:
                tasks.create_task(self._revocations.run(self._bus, lambda: mailbox.address))

    async def _receive(self, mailbox: Mailbox) -> None:
        while True:
            for item in await mailbox.get():
                if isinstance(item, Reopened):
                    self._questions.reopened()
                    self._posts.reopened()
                    self._revocations.missed()
                else:
                    try:
                        self._read(item)
                    except Exception:
                        log.exception("a body in the mailbox cannot be handled")

    def _read(self, item: bytes) -> None:
        try:
            envelope, payload = decode(item)
        except Malformed as why:
            log.error("a body in the mailbox cannot be read", why=str(why))
            return
        at = 0
        for message in envelope.messages:
            match message:
                case Direct():
                    for size in message.sizes:
                        self._posts.answered(message.session, bytes(payload[at : at + size]))
                        at += size
                case Access():
                    self._questions.answered(message.ref, message)
                case Revoked():
                    self._verifier.revoke(message.token_id, message.expires_at)
                case Revocations():
                    self._revocations.told()
                    for token in message.tokens:
                        self._verifier.revoke(token.token_id, token.expires_at)
                case Removed():
                    pass  # access is asked for at each download
                case _:
                    log.warning("a message that is not for the files", type=message.type)
