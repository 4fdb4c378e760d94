"""python-socketio with its RabbitMQ manager: the nearest peer in the same language, over the same broker.

python socketio_amqp.py PORT AMQP_URL
"""

from __future__ import annotations

import sys
import time
from typing import Any

import socketio
import uvicorn

server = socketio.AsyncServer(
    async_mode="asgi", client_manager=socketio.AsyncAioPikaManager(sys.argv[2]), transports=["websocket"]
)
users: dict[str, str] = {}


async def join(session: str, frame: dict[str, Any]) -> None:
    users[session] = frame["user"]
    await server.enter_room(session, frame["room"])
    await server.emit("joined", {"room": frame["room"]}, to=session)


async def chat(session: str, frame: dict[str, Any]) -> None:
    said = {"from": users[session], "room": frame["room"], "text": frame["text"], "ts": time.time()}
    await server.emit("chat", said, room=frame["room"])


server.on("join", join)
server.on("chat", chat)
uvicorn.run(
    socketio.ASGIApp(server), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", loop="uvloop",
    ws_per_message_deflate=False,
)  # fmt: skip
