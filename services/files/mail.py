"""What is sent to this process: the router's answers, and tokens that have been signed out."""

from __future__ import annotations

import asyncio

import structlog

from services.files.access import RoomAccess
from services.files.posting import Posting
from shared.bus.port import Bus, BusError, Mailbox, Reopened
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import Access, Direct, Revocations, RevocationsWanted, Revoked
from shared.protocol.codec import Malformed, decode, encode, pack
from shared.tokens.verifier import Verifier

log = structlog.stdlib.get_logger("homin.files")
RETRY_S = 1.0


class Mail:
    """The one loop over the process's mailbox."""

    def __init__(self, bus: Bus, source: str, access: RoomAccess, posting: Posting, verifier: Verifier) -> None:
        self._bus, self._source, self._access, self._posting, self._verifier = bus, source, access, posting, verifier
        self._asking: asyncio.Task[None] | None = None

    async def run(self, mailbox: Mailbox) -> None:
        """Until cancelled. Asks at the start, and whenever something may have been lost, which tokens are refused."""
        self._ask(mailbox.address)
        try:
            while True:
                for item in await mailbox.get():
                    if isinstance(item, Reopened):
                        self._access.reopened()
                        self._posting.reopened()
                        self._ask(item.address)
                    else:
                        try:
                            self._read(item)
                        except Exception:
                            log.exception("a body in the mailbox cannot be handled")
        finally:
            if self._asking is not None:
                self._asking.cancel()

    def _read(self, item: bytes) -> None:
        try:
            body, payload = decode(item)
        except Malformed as why:
            log.error("a body in the mailbox cannot be read", why=str(why))
            return
        at = 0
        for message in body.messages:
            match message:
                case Direct():
                    for size in message.sizes:
                        self._posting.answered(message.session, bytes(payload[at : at + size]))
                        at += size
                case Access():
                    self._access.answer(message)
                case Revoked():
                    self._verifier.revoke(message.token_id, message.expires_at)
                case Revocations():
                    for token in message.tokens:
                        self._verifier.revoke(token.token_id, token.expires_at)
                case _:
                    log.warning("a message that is not for the files", type=message.type)

    def _ask(self, address: str) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self._asking = asyncio.create_task(self._ask_until_taken(address))

    async def _ask_until_taken(self, address: str) -> None:
        wanted = encode(self._source, [pack(RevocationsWanted(reply_to=address))])
        while True:
            try:
                return await self._bus.publish(ACCOUNTS, wanted)
            except BusError as why:
                log.warning("the revoked tokens cannot be asked for yet", why=str(why))
            await asyncio.sleep(RETRY_S)
