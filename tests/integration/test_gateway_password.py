"""Another password ends every other session of its user at once, wherever its tokens are used."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from shared.protocol.errors import CloseCode
from tests.integration.gateway_deployment import Deployment, deployed
from tests.integration.wire import Wire

OLENA = {"name": "Олена", "password": "кобзар 1840"}
NEW = "хіба ревуть воли"
QUICK: dict[str, Any] = {"hash_memory_kib": 8, "hash_passes": 1}


def bearer(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['token']}"}


async def signed_in(http: httpx.AsyncClient, call: str, body: Any = None, **more: Any) -> dict[str, Any]:
    answer = await http.post(f"/api/accounts/{call}", json=body, **more)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_another_password_ends_every_other_session_on_gateways_and_for_files(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, accounts=True, files=True, **QUICK) as deployment,
        deployment.http() as here,
        deployment.http() as elsewhere,
        deployment.http() as taras_s,
        AsyncExitStack() as opened,
    ):
        mine = await signed_in(here, "register", OLENA)
        old = await signed_in(elsewhere, "login", OLENA)
        renewed = await signed_in(elsewhere, "refresh")
        taras = await signed_in(taras_s, "guest", {"name": "Тарас"})
        live = [await welcomed(opened, deployment, each) for each in (old, renewed)]
        staying = [await welcomed(opened, deployment, each) for each in (mine, taras)]
        await staying[0].send({"type": "join", "room": "кухня"})
        await staying[0].of("joined")
        text = {"file": ("cat.txt", b"meow", "text/plain")}
        stored = await here.post("/api/files?room=кухня", files=text, headers=bearer(mine))
        address = stored.json()["file"]["url"]
        assert (await elsewhere.get(address)).status_code == 200, "by its cookie"

        changed = await signed_in(here, "password", {"password": OLENA["password"], "new": NEW}, headers=bearer(mine))

        assert [await wire.close() for wire in live] == [CloseCode.SIGNED_OUT] * 2
        assert (await elsewhere.get(address)).status_code == 401
        for each in (old, renewed):
            refused = await opened.enter_async_context(deployment.wire())
            await refused.send({"type": "auth", "token": each["token"]})
            assert (await refused.of("error"))["code"] == "unauthorized"
            assert (await taras_s.get(address, headers=bearer(each))).status_code == 401
            assert (await taras_s.post("/api/files?room=кухня", files=text, headers=bearer(each))).status_code == 401
        for wire in staying:
            await wire.works()
        assert (await here.get(address)).status_code == 200, "by its cookie"
        for each in (mine, changed):
            assert (await taras_s.get(address, headers=bearer(each))).status_code == 200


async def welcomed(opened: AsyncExitStack, deployment: Deployment, who: dict[str, Any]) -> Wire:
    wire = await opened.enter_async_context(deployment.wire())
    await wire.send({"type": "auth", "token": who["token"]})
    await wire.of("welcome")
    return wire
