"""The file store: what the service needs of a database. tests/integration holds both databases to it.

Bytes never lie in the object store without a row that knows of them. Before the first byte is written there is an
*arrival*; the transaction that writes the file's row removes it. An arrival that nobody finishes is *condemned*: from
then on it cannot become a file, so its bytes can be deleted without a race, and after that the arrival itself.

The bytes of a file whose message was deleted go the same way: the transaction that ends the file makes a condemned
arrival of it. What stays is a *gone* file, which says nothing but whose message it was: it holds the message's id, so
that nobody who sends the file once more brings its bytes back. Who does is told of the message, which is deleted.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from services.files.core.names import file_url
from shared.protocol.server import StoredFile, User


class Condemned(Exception):
    """The arrival took so long that it was given up; its bytes may be gone."""


class Kept(NamedTuple):
    """A stored file, and its message. `size` in bytes, `sha256` in hexadecimal, `stored_at_ms` Unix milliseconds,
    `width` and `height` in pixels, of a picture that says them. `sha256` is empty where the file is gone."""

    id: str
    room: str
    sender_id: str
    sender_name: str
    message_id: str
    name: str
    size: int
    mime: str
    sha256: str
    stored_at_ms: int
    width: int | None = None
    height: int | None = None

    @property
    def gone(self) -> bool:
        return not self.sha256

    @property
    def sender(self) -> User:
        return User(id=self.sender_id, name=self.sender_name)

    @property
    def file(self) -> StoredFile:
        """As the message shows it: always the same for the same row, since the router compares it on a retry."""
        return StoredFile(
            id=self.id, name=self.name, size=self.size, mime=self.mime, url=file_url(self.id),
            width=self.width, height=self.height,
        )  # fmt: skip


class FileStore(Protocol):
    """The rows of all files. Every method raises `StoreDown`."""

    async def begin(self, id: str, now_ms: int) -> None:
        """An arrival, before its first byte is written."""

    async def keep(self, file: Kept) -> Kept:
        """Turns the arrival `file.id` into a file, not yet posted. Where this sender has sent `message_id` to the room
        before, gives that file, which may be gone, and condemns the arrival. Raises `Condemned`."""

    async def end(self, id: str, now_ms: int) -> bool:
        """The file `id` is gone from now on, and its bytes are those of a condemned arrival. False: there is no such
        file, or it is gone."""

    async def condemn(self, id: str) -> bool:
        """This arrival will never be a file. False: there is no such arrival, for instance because it is a file."""

    async def forget(self, id: str) -> None:
        """The bytes of a condemned arrival are gone."""

    async def overdue(self, before_ms: int, limit: int) -> list[str]:
        """Condemns the arrivals that began before `before_ms`; gives all that are condemned, the oldest first."""

    async def find(self, id: str) -> Kept | None:
        """A file by its id, unless it is gone."""

    async def newest(self, limit: int) -> list[Kept]:
        """The newest files that are not empty."""

    async def posted(self, id: str) -> None:
        """The bus has taken its message."""

    async def unposted(self, before_ms: int, limit: int) -> list[Kept]:
        """Files stored before `before_ms` whose message the bus may not have taken, the oldest first."""
