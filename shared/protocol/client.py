"""What a client may send. docs/protocol.md, "Client → server". Unknown types and fields are refused; numbers are not
guessed from strings.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from shared.protocol.names import FileName, MessageId, Ref, Room, Seq, Text

HISTORY_LIMIT = 200


class Frame(BaseModel):
    """Base of every frame: immutable, unknown fields refused, wrong types refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ClientBase(Frame):
    """`ref` may stand on every client frame and comes back on what answers it."""

    ref: Ref | None = None


class Auth(ClientBase):
    type: Literal["auth"]
    token: Annotated[str, Field(min_length=1)]


class Join(ClientBase):
    type: Literal["join"]
    room: Room
    after: Seq | None = None


class Leave(ClientBase):
    type: Literal["leave"]
    room: Room


class Rooms(ClientBase):
    type: Literal["rooms"]


class Chat(ClientBase):
    type: Literal["chat"]
    room: Room
    id: MessageId
    text: Text


class File(ClientBase):
    """`data` is a data URL (RFC 2397) in base64."""

    type: Literal["file"]
    room: Room
    id: MessageId
    name: FileName
    data: Annotated[str, Field(pattern=r"^data:")]


class History(ClientBase):
    type: Literal["history"]
    room: Room
    before: Seq | None = None
    after: Seq | None = None
    limit: Annotated[int, Field(ge=1, le=HISTORY_LIMIT)] = 50

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if self.before is not None and self.after is not None:
            raise ValueError("give before or after, not both")
        return self


class Typing(ClientBase):
    type: Literal["typing"]
    room: Room


class Read(ClientBase):
    type: Literal["read"]
    room: Room
    seq: Seq


class Ping(ClientBase):
    type: Literal["ping"]


ClientFrame = Annotated[
    Auth | Join | Leave | Rooms | Chat | File | History | Typing | Read | Ping, Field(discriminator="type")
]
CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
