"""Files over HTTP, with the real router. docs/protocol.md, "HTTP"."""

from __future__ import annotations

import asyncio
import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.files.core import disposition
from shared.bus import revocations
from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import Revocations, RevocationsWanted, Revoked
from shared.protocol.client import Chat, File
from shared.protocol.codec import decode, encode, pack
from shared.protocol.names import file_name
from tests.integration.files_deployment import (
    OLENA,
    TARAS,
    Deployment,
    deployed,
    form,
    streamed,
    streamed_headers,
    token,
)
from tests.unit.files import samples

ROOM = "кухня"


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", file_bytes=100_000) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        yield deployment


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    async with deployment.client() as client:
        yield client


async def upload(
    client: httpx.AsyncClient, content: bytes = samples.PNG, name: str = "cat.png", **more: Any
) -> httpx.Response:
    params = {"room": more.pop("room", ROOM), **more.pop("params", {})}
    return await client.post("/api/files", params=params, **form(content, name, **more))


async def stored(
    client: httpx.AsyncClient, content: bytes = samples.PNG, name: str = "cat.png", **more: Any
) -> dict[str, Any]:
    answer = await upload(client, content, name, **more)
    assert answer.status_code == 201, answer.text
    file: dict[str, Any] = answer.json()["file"]
    return file


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_an_uploaded_file_appears_in_the_room_by_itself(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    file = await stored(client, name="кіт.png", id="m-1")
    assert file["name"] == "кіт.png"
    assert (file["size"], file["mime"], file["url"]) == (len(samples.PNG), "image/png", f"/api/files/{file['id']}")
    message = await deployment.gateway.message()
    assert (message["room"], message["kind"], message["id"], message["file"]) == (ROOM, "file", "m-1", file)
    assert message["from"] == {"id": OLENA.id, "name": OLENA.name}


async def test_what_was_uploaded_is_downloaded(client: httpx.AsyncClient) -> None:
    file = await stored(client)
    answer = await client.get(file["url"])
    assert (answer.status_code, answer.content) == (200, samples.PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'inline; filename="cat.png"'
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["etag"] == f'"{hashlib.sha256(samples.PNG).hexdigest()}"'


@pytest.mark.parametrize("content", [samples.HTML, samples.SVG, samples.PDF, bytes(50), samples.TEXT, samples.EXE])
async def test_what_is_no_picture_sound_or_film_is_never_shown_in_place(
    client: httpx.AsyncClient, content: bytes
) -> None:
    file = await stored(client, content, "cat.png")
    answer = await client.get(file["url"])
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert not re.search("html|svg|xml|script", answer.headers["content-type"])


async def test_an_empty_file_is_a_file(client: httpx.AsyncClient) -> None:
    file = await stored(client, b"", "empty.txt")
    assert (file["size"], file["mime"]) == (0, "text/plain")
    answer = await client.get(file["url"])
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert code(await client.get(file["url"], headers={"Range": "bytes=0-"})) == (416, "invalid_request")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd", "a\\b.png", "two\\\\marks.png", "\u202egnp.exe", "a\u0085b", "x" * 3_000 + ".pdf", " ",
        "звіт.pdf ", "نامه\u200cها.pdf", "👨\u200d👩\u200d👧.jpg", "\U0001faea.png", "דוח\u200f.pdf",
        "дог\u00adовір.docx", 'say "hi".txt', "a\r\nb",
    ],
    ids=lambda name: ascii(name)[:30],
)  # fmt: skip
async def test_no_name_is_refused_and_both_doors_show_the_same(
    deployment: Deployment, client: httpx.AsyncClient, name: str
) -> None:
    file = await stored(client, name=name)
    data = f"data:;base64,{b64encode(samples.PNG).decode()}"
    await deployment.gateway.send(OLENA, File(type="file", room=ROOM, id="m-2", name=name, data=data))
    _, message = await deployment.gateway.settled()
    assert message["file"]["name"] == file["name"] == file_name(name)
    answer = await client.get(file["url"])
    assert disposition.read(answer.headers["content-disposition"].encode()).filename == file["name"]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (b'filename="a%0D%0ASet-Cookie: b"', "a Set-Cookie: b"),
        (b'filename="\xea\xb3\xf2.png"', "\ufffd\ufffd.png"),
        (b'filename="ends\\"', "ends\\"),
        (b"filename=\"x\"; filename*=UTF-8''%D0%BA%D1%96%D1%82.png", "кіт.png"),
        (b'filename=""', "file"),
    ],
)
async def test_a_name_is_read_as_its_sender_wrote_it(client: httpx.AsyncClient, header: bytes, shown: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; ' + header + b"\r\n\r\nx\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/api/files", params={"room": ROOM}, content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["file"]["name"] == shown


async def test_a_line_break_that_no_form_writes_as_it_is_breaks_the_form(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\rSet-Cookie: b"\r\n\r\nx\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/api/files", params={"room": ROOM}, content=body, headers=headers)
    assert code(answer) == (400, "invalid_request")
    assert deployment.objects() == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"rubbish"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="what"\r\n\r\nx\r\n--b--\r\n',
        ),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\nx\r\n--b--\r\n'),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n' + b"x" * 2000),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n' * 2 + b"--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
            b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n \r\n--b--\r\n',
        ),
    ],
)
async def test_a_bad_form_is_refused_and_leaves_nothing(
    deployment: Deployment, client: httpx.AsyncClient, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    answer = await client.post("/api/files", params={"room": ROOM}, content=body, headers=headers)
    assert code(answer) == (400, "invalid_request")
    assert deployment.objects() == []


async def test_what_is_too_large_is_refused_while_it_streams(deployment: Deployment, client: httpx.AsyncClient) -> None:
    """Without a length in the head: only by counting can it be known."""
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1000
            yield bytes(1000)

    answer = await client.post(
        "/api/files", params={"room": ROOM}, content=streamed(pieces()), headers=streamed_headers()
    )
    assert code(answer) == (413, "too_large")
    assert deployment.objects() == []
    whole = await client.post(
        "/api/files", params={"room": ROOM}, content=streamed([bytes(100_000)]), headers=streamed_headers()
    )
    assert whole.status_code == 201


async def test_what_says_that_it_is_too_large_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    assert code(await upload(client, bytes(400_000))) == (413, "too_large")


async def test_a_form_stuffed_with_more_than_a_file_is_refused(client: httpx.AsyncClient) -> None:
    body = b"--b\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/api/files", params={"room": ROOM}, content=body[:150_000], headers=headers)
    assert answer.status_code in (400, 413)


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        async for piece in streamed([bytes(50_000)]):
            yield piece
            if len(piece) > 1000:
                started.set()
                await asyncio.Event().wait()

    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files") as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        async with deployment.client() as client:
            sending = asyncio.create_task(
                client.post("/api/files", params={"room": ROOM}, content=body(), headers=streamed_headers())
            )
            await started.wait()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            file = await stored(client)
    # The server has closed, so every request has come to its end.
    assert [path.name for path in deployment.objects()] == [file["id"]]


async def test_a_retry_gives_the_same_file_and_no_second_message(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    first = await stored(client, id="m-1")
    assert (await deployment.gateway.message())["seq"] == 1
    assert await stored(client, id="m-1") == first
    assert await stored(client, params={"id": "m-1"}) == first
    assert [path.name for path in deployment.objects()] == [first["id"]]
    assert [m["id"] for m in await deployment.gateway.history(OLENA, ROOM)] == ["m-1"]


@pytest.mark.parametrize(("content", "name"), [(samples.JPEG, "cat.png"), (samples.PNG, "dog.png")])
async def test_the_same_id_with_other_content_is_refused(
    deployment: Deployment, client: httpx.AsyncClient, content: bytes, name: str
) -> None:
    first = await stored(client, id="m-1")
    assert code(await upload(client, content, name, id="m-1")) == (409, "id_reused")
    assert [path.name for path in deployment.objects()] == [first["id"]]
    assert (await client.get(first["url"])).content == samples.PNG


async def test_uploads_of_one_id_at_once_end_in_one_file(deployment: Deployment, client: httpx.AsyncClient) -> None:
    files = await asyncio.gather(*(stored(client, id="m-1") for _ in range(4)))
    assert len({file["id"] for file in files}) == 1
    assert [path.name for path in deployment.objects()] == [files[0]["id"]]
    assert len(await deployment.gateway.history(OLENA, ROOM)) == 1


async def test_without_an_id_each_upload_is_its_own_message(deployment: Deployment, client: httpx.AsyncClient) -> None:
    assert (await stored(client))["id"] != (await stored(client))["id"]
    assert len(await deployment.gateway.history(OLENA, ROOM)) == 2


async def test_an_id_that_a_chat_has_used_is_refused(deployment: Deployment, client: httpx.AsyncClient) -> None:
    """Only the router knows; so who uploads hears what the router says."""
    await deployment.gateway.send(OLENA, Chat(type="chat", room=ROOM, id="m-1", text="hello"))
    await deployment.gateway.message()
    assert code(await upload(client, id="m-1")) == (409, "id_reused")


async def test_an_answered_upload_is_in_the_history(deployment: Deployment, client: httpx.AsyncClient) -> None:
    for number in range(10):
        await stored(client, id=f"m-{number}")
        assert len(await deployment.gateway.history(OLENA, ROOM)) == number + 1


async def test_two_different_ids_are_refused(deployment: Deployment, client: httpx.AsyncClient) -> None:
    assert code(await upload(client, id="m-1", params={"id": "m-2"})) == (400, "invalid_request")
    assert deployment.objects() == []


async def test_who_is_not_a_member_may_not_send(deployment: Deployment) -> None:
    async with deployment.client(TARAS) as taras:
        assert code(await upload(taras)) == (403, "not_joined")
        assert code(await upload(taras, room="nowhere")) == (404, "no_such_room")
        assert code(await upload(taras, room="two words")) == (400, "invalid_request")
        assert code(await taras.post("/api/files", **form(b""))) == (400, "invalid_request")
    assert deployment.objects() == []


async def test_who_may_not_read_gets_the_answer_for_what_does_not_exist(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    file = await stored(client)
    async with deployment.client(TARAS) as taras:
        hidden, missing = await taras.get(file["url"]), await taras.get("/api/files/" + "0" * 32)
        assert code(hidden) == code(missing) == (404, "no_such_file")
        assert hidden.content == missing.content
        assert code(await taras.get("/api/files/..%2f..%2fetc")) == (404, "not_found")
        await deployment.gateway.join(TARAS, ROOM)
        assert (await taras.get(file["url"])).content == samples.PNG
        await deployment.gateway.leave(TARAS, ROOM)
        assert code(await taras.get(file["url"])) == (404, "no_such_file")


async def test_a_cookie_reads_and_does_not_write(deployment: Deployment, client: httpx.AsyncClient) -> None:
    """A page of another site could make a browser send the cookie with a form."""
    file = await stored(client)
    async with deployment.client(None) as browser:
        browser.cookies.set("homin_token", token(OLENA))
        assert (await browser.get(file["url"])).content == samples.PNG
        assert code(await upload(browser)) == (401, "unauthorized")


async def test_of_a_browser_s_accounts_the_one_that_is_named_counts(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    """What counts is the cookie that the browser sends for the address; its words alone give nothing."""
    file = await stored(client)
    own = f"/api/files/as/{OLENA.id}/{file['id']}"
    async with deployment.client(None) as browser:
        assert code(await browser.get(own)) == (401, "unauthorized")
        browser.cookies.set("homin_token", token(TARAS), path="/api/files")
        assert code(await browser.get(own)) == (404, "no_such_file")
        browser.cookies.set("homin_token_as", token(OLENA), path=f"/api/files/as/{OLENA.id}")
        assert (await browser.get(own)).content == samples.PNG
        assert (await browser.head(own)).status_code == 200
        assert code(await browser.get(f"/api/files/as/{TARAS.id}/{file['id']}")) == (404, "no_such_file")
        assert code(await browser.get(file["url"])) == (404, "no_such_file")
        browser.cookies.set("homin_token", token(OLENA), path="/api/files")
        assert (await browser.get(f"/api/files/as/{TARAS.id}/{file['id']}")).content == samples.PNG
        assert (await browser.post(own)).status_code == 405


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_good_token_there_is_nothing(deployment: Deployment, method: str) -> None:
    url = "/api/files/" + "0" * 32 if method == "GET" else f"/api/files?room={ROOM}"
    async with deployment.client(None) as nobody:
        assert code(await nobody.request(method, url)) == (401, "unauthorized")
        for bad in ("x", token(OLENA, aud="others"), token(OLENA, iss="stranger")):
            answer = await nobody.request(method, url, headers={"Authorization": f"Bearer {bad}"})
            assert code(answer) == (401, "unauthorized")
        old = await nobody.request(method, url, headers={"Authorization": f"Bearer {token(OLENA, exp=1)}"})
        assert code(old) == (401, "expired")


async def test_a_token_that_was_signed_out_is_refused(deployment: Deployment) -> None:
    async with deployment.client(OLENA, jti="t-gone") as client:
        file = await stored(client)
        revoked = pack(Revoked(token_id="t-gone", expires_at=2**40))
        await MemoryBus(deployment.broker).broadcast(encode("accounts", [revoked]))
        assert code(await client.get(file["url"])) == (401, "unauthorized")
        assert code(await upload(client)) == (401, "unauthorized")
    async with deployment.client(OLENA) as client:
        assert (await client.get(file["url"])).status_code == 200


async def test_a_token_that_was_signed_out_before_the_service_started_is_refused(tmp_path: Path) -> None:
    """The service asks at its start, and again whenever its mailbox has reopened, for something may have been lost."""
    broker = Broker()
    accounts = MemoryBus(broker)
    asked = await accounts.consume([ACCOUNTS], "accounts", 1)
    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", broker=broker) as deployment:
        for number in range(2):
            async with asyncio.timeout(10), deployment.client(OLENA, jti=f"t-{number}") as client:
                assert code(await client.get("/api/files/" + "0" * 32)) == (404, "no_such_file")
                delivery = (await asked.get())[0]
                asked.ack(delivery)
                wanted = decode(delivery.body)[0].messages[0]
                assert isinstance(wanted, RevocationsWanted)
                tokens = [Revoked(token_id=f"t-{number}", expires_at=2**40)]
                await accounts.publish(wanted.reply_to, encode("accounts", [pack(Revocations(tokens=tokens))]))
                assert code(await client.get("/api/files/" + "0" * 32)) == (401, "unauthorized")
            assert isinstance(deployment.bus, MemoryBus)
            await deployment.bus.cut()


async def test_it_asks_for_the_revoked_tokens_until_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that a full mailbox has dropped leaves no trace: only asking again brings it."""
    monkeypatch.setattr(revocations, "UNANSWERED_S", 0.01)
    broker = Broker()
    asked = await MemoryBus(broker).consume([ACCOUNTS], "accounts", 10)
    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", broker=broker), asyncio.timeout(10):
        for _ in range(3):
            asked.ack((await asked.get())[-1])


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("0-9", 0, 10), ("10-", 10, None), ("-5", -5, None), ("3-99999999", 3, None)]
)
async def test_a_part_is_given(client: httpx.AsyncClient, asked: str, start: int, stop: int | None) -> None:
    file = await stored(client)
    answer = await client.get(file["url"], headers={"Range": f"bytes={asked}"})
    part = samples.PNG[start:stop]
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (206, part, str(len(part)))
    first = samples.PNG.index(part)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(samples.PNG)}"
    assert answer.headers["content-type"] == "image/png"


async def test_a_part_beyond_the_end_is_told_the_size(client: httpx.AsyncClient) -> None:
    file = await stored(client)
    answer = await client.get(file["url"], headers={"Range": "bytes=100000-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(samples.PNG)}"


async def test_several_ranges_give_the_whole(client: httpx.AsyncClient) -> None:
    file = await stored(client)
    answer = await client.get(file["url"], headers={"Range": "bytes=0-1,4-5"})
    assert (answer.status_code, answer.content) == (200, samples.PNG)


async def test_a_part_is_continued_only_of_the_same_file(client: httpx.AsyncClient) -> None:
    file = await stored(client)
    etag = (await client.get(file["url"])).headers["etag"]
    assert (await client.get(file["url"], headers={"Range": "bytes=5-", "If-Range": etag})).status_code == 206
    other = await client.get(file["url"], headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, samples.PNG)


async def test_what_the_client_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    file = await stored(client)
    seen = (await client.get(file["url"])).headers
    for condition in ({"If-None-Match": seen["etag"]}, {"If-Modified-Since": seen["last-modified"]}):
        answer = await client.get(file["url"], headers=condition)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", seen["etag"])
    assert code(await client.get(file["url"], headers={"If-Match": '"other"'})) == (412, "precondition_failed")


async def test_head_tells_and_sends_nothing(client: httpx.AsyncClient) -> None:
    file = await stored(client)
    answer = await client.head(file["url"], headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(samples.PNG))
    assert answer.headers["accept-ranges"] == "bytes"


async def test_bytes_that_are_gone_are_told_as_unavailable(deployment: Deployment, client: httpx.AsyncClient) -> None:
    file = await stored(client)
    deployment.objects()[0].unlink()
    assert code(await client.get(file["url"])) == (503, "unavailable")


async def test_a_folder_that_cannot_be_written_is_told_as_unavailable(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    deployment.folder.rmdir()
    deployment.folder.write_text("a file stands where the folder was")
    assert code(await upload(client)) == (503, "unavailable")
    deployment.folder.unlink()
    deployment.folder.mkdir()
    await stored(client)


async def test_the_service_is_ready_and_counts(deployment: Deployment, client: httpx.AsyncClient) -> None:
    await client.get((await stored(client))["url"])
    assert (await client.get("/readyz")).json()["troubles"] == {}
    numbers = (await client.get("/metrics")).text
    for name in (
        "files_uploads_total",
        "files_stored_bytes_total",
        "files_served_bytes_total",
        "files_downloads_total",
    ):
        assert re.search(rf"^homin_{name}(\{{.*\}})? [1-9]", numbers, re.MULTILINE), name
