"""Writes the wire's definition down for others: a JSON Schema, an AsyncAPI 3 document and TypeScript types.

    python -m shared.protocol.generate            # rewrites the committed files
`documents()` gives their texts; a test compares them with what is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.protocol import client, server
from shared.protocol.characters import UNSEEN
from shared.protocol.errors import RETRYABLE, CloseCode, ErrorCode

ROOT: Final = Path(__file__).resolve().parents[2]
CLIENT: Final[list[type[BaseModel]]] = [
    client.Auth, client.Join, client.Resume, client.Leave, client.Rooms, client.Chat, client.File, client.Edit,
    client.Delete, client.React, client.Pin, client.History, client.Typing, client.Read, client.Ping, client.Create,
    client.DirectRoom, client.Invite, client.Remove, client.GiveRole, client.RoomSettings, client.FindPeople,
    client.SetNotify,
]  # fmt: skip
SERVER: Final[list[type[BaseModel]]] = [
    server.Welcome, server.Joined, server.Resumed, server.Left, server.RoomList, server.ChatMessage, server.FileMessage,
    server.DeletedMessage, server.EditChange, server.DeleteChange, server.ReactChange, server.PinChange,
    server.InvitedMessage, server.RemovedMessage, server.MentionMessage, server.SignedInMessage, server.MemberChange,
    server.SettingsChange, server.PeopleList, server.HistoryPage, server.Presence, server.TypingNotice,
    server.ReadMark, server.NotifyLevel, server.Pong, server.Reconnect, server.Error,
]  # fmt: skip


def definitions() -> dict[str, Any]:
    """The JSON Schema (2020-12) of every frame by name, with `type` and `kind` required: a `Literal` with a default is
    optional to pydantic, which would break narrowing by it."""
    _, schema = models_json_schema(
        [(m, "validation") for m in CLIENT] + [(m, "serialization") for m in SERVER], by_alias=True,
        ref_template="#/$defs/{model}",
    )  # fmt: skip
    defs: dict[str, Any] = schema["$defs"]
    for definition in defs.values():
        definition.pop("title", None)
        if "description" in definition:  # how its lines are broken says nothing
            definition["description"] = " ".join(definition["description"].split())
        fields: dict[str, Any] = definition.get("properties", {})
        for field in fields.values():
            field.pop("title", None)
        fixed = [n for n in ("type", "kind") if n in fields]
        optional = {n for n, f in fields.items() if f.get("default", 0) is None}
        given = [n for n in definition.get("required", []) if n not in fixed and n not in optional]
        if fields:
            definition["required"] = fixed + given
            definition["properties"] = {
                n: _without_null(fields[n]) for n in [*fixed, *(n for n in fields if n not in fixed)]
            }
    return dict(sorted(defs.items()))


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """An unset field is left out on the wire, never null."""
    if "anyOf" in field:
        kept = [option for option in field["anyOf"] if option.get("type") != "null"]
        rest = {k: v for k, v in field.items() if k not in ("anyOf", "default")}
        return {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}
    return {k: v for k, v in field.items() if k != "default" or v is not None}


def schema_document() -> str:
    refs = {
        side: [{"$ref": f"#/$defs/{m.__name__}"} for m in models]
        for side, models in (("client", CLIENT), ("server", SERVER))
    }
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Homin, the wire, version 1",
        "oneOf": refs["client"] + refs["server"],
        "$defs": {**definitions(), "ClientFrame": {"oneOf": refs["client"]}, "ServerFrame": {"oneOf": refs["server"]}},
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def asyncapi_document() -> str:
    schemas = json.loads(json.dumps(definitions()).replace("#/$defs/", "#/components/schemas/"))

    def messages(models: list[type[BaseModel]]) -> dict[str, Any]:
        return {m.__name__: {"$ref": f"#/components/messages/{m.__name__}"} for m in models}

    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Homin",
            "version": "1",
            "description": "Real-time chat over one WebSocket. JSON text frames, `type` first.",
        },
        "defaultContentType": "application/json",
        "channels": {"socket": {"address": "/ws", "messages": messages(CLIENT + SERVER)}},
        "operations": {
            "fromClient": {"action": "receive", "channel": {"$ref": "#/channels/socket"},
                           "messages": [{"$ref": f"#/channels/socket/messages/{m.__name__}"} for m in CLIENT]},
            "toClient": {"action": "send", "channel": {"$ref": "#/channels/socket"},
                         "messages": [{"$ref": f"#/channels/socket/messages/{m.__name__}"} for m in SERVER]},
        },
        "components": {
            "messages": {
                m.__name__: {"name": m.__name__, "payload": {"$ref": f"#/components/schemas/{m.__name__}"}}
                for m in CLIENT + SERVER
            },
            "schemas": schemas,
        },
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _named(name: str) -> str:
    """The TypeScript name: `File` and `Error` are the browser's own."""
    return name + "Frame" if name in ("File", "Error") else name


def _typescript(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _named(str(schema["$ref"]).rsplit("/", 1)[1])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(v) for v in schema["enum"])
    if "oneOf" in schema or "anyOf" in schema:
        return " | ".join(_typescript(s) for s in schema.get("oneOf") or schema["anyOf"])
    if schema["type"] == "array":
        inner = _typescript(schema["items"])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    return {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}[schema["type"]]


def typescript_document() -> str:
    lines = ["// Generated from shared/protocol by `make generate`. Do not edit.", ""]
    for name, schema in definitions().items():
        if "properties" not in schema:
            lines += [f"export type {name} = {_typescript(schema)}", ""]
            continue
        if schema.get("description"):
            lines.append("/** " + " ".join(schema["description"].split()) + " */")
        lines.append(f"export interface {_named(name)} {{")
        required = schema["required"]
        lines += [
            f"  {field}{'' if field in required else '?'}: {_typescript(s)}"
            for field, s in schema["properties"].items()
        ]
        lines += ["}", ""]
    for side, models in (("ClientFrame", CLIENT), ("ServerFrame", SERVER)):
        lines += [f"export type {side} =", *(f"  | {_named(m.__name__)}" for m in models), ""]
    lines += ["/** A message as a client keeps it: with or without the frame's own fields. */"]
    lines += [
        "export type Message = LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention"
        " | LoggedSignedIn",
        "",
    ]
    lines += ["/** What changes a message; what changes the room itself; and all that a room's log holds. */"]
    lines += ["export type Change = LoggedEdit | LoggedDelete | LoggedReact | LoggedPin"]
    lines += ["export type RoomChange = LoggedMember | LoggedSettings"]
    lines += ["export type Entry = Message | Change | RoomChange", ""]
    lines += [
        "/** Codes after which the same request may succeed. */",
        "export const RETRYABLE: readonly ErrorCode[] = [",
    ]
    lines += [f"  {json.dumps(code.value)}," for code in ErrorCode if code in RETRYABLE] + [
        "]",
        "",
        "export const CloseCode = {",
    ]
    lines += [f"  {code.name}: {code.value}," for code in CloseCode] + ["} as const", ""]
    lines += ['/** Whether a client should reconnect after this close code. docs/protocol.md, "Close codes". */']
    lines += ["export const comesBack = (code: number): boolean =>"]
    lines += ["  [1001, 1002, 1006, 1007, 1011, 1012].includes(code) || (code >= 4000 && code < 4500)", ""]
    return "\n".join(lines)


def characters_document() -> str:
    """The rule of what shows something: a browser's own tables are of whatever Unicode it was built with."""
    unseen = "".join(char if char == "-" else f"\\u{{{ord(char):x}}}" for char in UNSEEN)
    return "\n".join(
        [
            "// Generated from shared/protocol/characters.py by `make generate`. Do not edit.",
            "/* oxlint-disable no-control-regex, no-misleading-character-class */",
            "",
            f"const SEEN = /[^{unseen}]/u",
            "",
            "/** Whether anything of the text can be seen: the server refuses a message of which nothing can. */",
            "export const shows = (text: string): boolean => SEEN.test(text)",
            "",
        ]
    )


def documents() -> dict[Path, str]:
    """Where each generated file belongs, and its text."""
    return {
        ROOT / "shared/protocol/generated/homin.schema.json": schema_document(),
        ROOT / "shared/protocol/generated/asyncapi.json": asyncapi_document(),
        ROOT / "web/src/client/protocol.gen.ts": typescript_document(),
        ROOT / "web/src/client/characters.gen.ts": characters_document(),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
