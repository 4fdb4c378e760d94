"""A large file goes through, and the process does not grow by it. Reads the kernel's count (Linux)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from tests.integration.files_deployment import OLENA, deployed, streamed, streamed_headers

SIZE = 50 << 20
PIECE = 64 << 10
MAY_GROW = 30 << 20
"""Three parts of 5 MiB on their way to the store, sockets and the allocator; the file itself would be more."""


def peak_bytes() -> int:
    """The most memory that this process has had since `forget_peak`."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def forget_peak() -> int:
    """Starts the count anew (proc(5), clear_refs); the memory now in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


async def test_fifty_mebibytes_stream_in_and_out_in_bounded_memory(tmp_path: Path) -> None:
    """Client and server share this process, so what is measured is both of them."""
    sent = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for number in range(SIZE // PIECE):
            piece = number.to_bytes(4) * (PIECE // 4)
            sent.update(piece)
            yield piece

    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files") as deployment:
        await deployment.gateway.join(OLENA, "room")
        async with deployment.client() as client:
            await client.get("/healthz")
            before = forget_peak()
            answer = await client.post("/api/files?room=room", content=streamed(pieces()), headers=streamed_headers())
            assert answer.status_code == 201, answer.text
            file = answer.json()["file"]
            assert file["size"] == SIZE
            assert peak_bytes() - before < MAY_GROW, "upload"
            before = forget_peak()
            received, size = hashlib.sha256(), 0
            async with client.stream("GET", file["url"]) as download:
                async for chunk in download.aiter_bytes():
                    received.update(chunk)
                    size += len(chunk)
            assert (size, received.digest()) == (SIZE, sent.digest())
            assert peak_bytes() - before < MAY_GROW, "download"
