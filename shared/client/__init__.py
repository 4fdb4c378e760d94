"""The Python client of Homin, for bots and tools. `Client` is the beginning; docs/protocol.md is what it speaks.

async with Client(["ws://127.0.0.1:8080/ws"], fixed(token)) as client:
    await client.join("lobby")
    hello = await client.chat("lobby", "hello")
    await client.react("lobby", hello.seq, "👋")
    await client.chat("lobby", "who comes?", thread=hello.seq, mentions=[olena])
    await client.join(client.welcome["me"])  # one's own log
    async for event in client.events():
        match event:
            case Arrived(message) if message.kind == "mention": …  # message.about: which message calls one, and why
"""

from shared.client.client import Client
from shared.client.core.events import (
    About,
    Acknowledged,
    AlertedOf,
    Arrived,
    CaughtUp,
    Change,
    Changed,
    ClientError,
    Connected,
    Device,
    Disconnected,
    Entry,
    EpochChanged,
    Event,
    Expired,
    Left,
    Lost,
    Message,
    Notice,
    NotSent,
    Page,
    Person,
    PresenceChanged,
    ReadUpTo,
    Refused,
    Replies,
    RoomChange,
    RoomChanged,
    Skipped,
    Standing,
    Typing,
    Unanswered,
    WentBack,
)
from shared.client.core.marks import Unread
from shared.client.observer import Observer
from shared.client.options import Options
from shared.client.socket import Closed, Dial, Socket, dial
from shared.client.tokens import SignInNeeded, Token, TokenSource, fixed

__all__ = [
    "About", "Acknowledged", "AlertedOf", "Arrived", "CaughtUp", "Change", "Changed", "Client", "ClientError",
    "Closed", "Connected", "Device", "Dial", "Disconnected", "Entry", "EpochChanged", "Event", "Expired", "Left",
    "Lost", "Message", "NotSent", "Notice", "Observer", "Options", "Page", "Person", "PresenceChanged", "ReadUpTo",
    "Refused", "Replies", "RoomChange", "RoomChanged", "SignInNeeded", "Skipped", "Socket", "Standing", "Token",
    "TokenSource", "Typing", "Unanswered", "Unread", "WentBack", "dial", "fixed",
]  # fmt: skip
