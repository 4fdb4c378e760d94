"""Where a process listens: one setting, read alike by the server, by what looks before it, and by its health check."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.runtime.listen import CannotStart, address_of, bind
from tools import bootstrap

ROOT = Path(__file__).resolve().parents[3]
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::1", "[::1]"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("", "127.0.0.1"),
        ("localhost", None),
    ],
)
def test_the_address_that_is_shown_can_be_opened(host: str, shown: str | None) -> None:
    with bind(host, 0) as sock:
        sock.listen()
        address = address_of(sock)
        if shown is not None:
            assert address == f"http://{shown}:{sock.getsockname()[1]}"
        parts = urlsplit(address)
        socket.create_connection((parts.hostname, parts.port), timeout=10).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_taken_port_is_told_as_such(host: str) -> None:
    with bind(host, 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"^Port {port} of .*{host}.* is taken.*HOMIN_PORT"):
            bind(host, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_that_the_machine_does_not_have_is_no_matter_of_ports(host: str) -> None:
    with pytest.raises(CannotStart) as told:
        bind(host, 0)
    assert host in str(told.value)
    assert "HOMIN_HOST" in str(told.value)
    assert "HOMIN_PORT" not in str(told.value)


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost"])
def test_make_run_looks_at_the_port_where_the_server_will_listen(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with bind(host, 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("HOMIN_HOST", host)
        monkeypatch.setenv("HOMIN_PORT", str(port))
        with pytest.raises(SystemExit):
            bootstrap.refuse_a_taken_port()
    assert f"Port {port} of" in capsys.readouterr().err
    bootstrap.refuse_a_taken_port()


def test_make_run_does_not_blame_the_port_for_an_address_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMIN_HOST", "192.0.2.1")
    with pytest.raises(SystemExit):
        bootstrap.refuse_a_taken_port()
    told = capsys.readouterr().err
    assert "HOMIN_HOST" in told
    assert "PORT=9000" not in told


def test_make_run_looks_before_anything_is_installed() -> None:
    look = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tools import bootstrap; bootstrap.refuse_a_taken_port()"
    )
    environment = {**os.environ, "HOMIN_PORT": "0"}
    # -S: without the packages of the environment.
    looked = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", look], env=environment, capture_output=True, text=True
    )
    assert (looked.returncode, looked.stderr) == (0, "")


def test_make_run_takes_the_port_from_the_environment_too() -> None:
    """The Makefile wrote 8080 over it."""
    told = subprocess.run(
        ["make", "--dry-run", "run"], cwd=ROOT, env={**os.environ, "HOMIN_PORT": "9000"}, capture_output=True, text=True
    )
    assert "HOMIN_PORT=9000" in told.stdout
    told = subprocess.run(
        ["make", "--dry-run", "run", "PORT=9001"], cwd=ROOT, env={**os.environ, "HOMIN_PORT": "9000"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert "HOMIN_PORT=9001" in told.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::", ""])
def test_the_health_check_of_a_container_asks_where_the_process_listens(host: str) -> None:
    with bind(host or "127.0.0.1", 0) as sock:
        sock.setblocking(True)
        sock.listen()
        answering = threading.Thread(target=_answer_once, args=(sock,))
        answering.start()
        environment = {**os.environ, "HOMIN_HOST": host, "HOMIN_PORT": str(sock.getsockname()[1])}
        asked = subprocess.run([sys.executable, "-I", "-S", "tools/ready.py"], cwd=ROOT, env=environment, timeout=60)
        if asked.returncode != 0:  # nobody came: let the thread go
            socket.create_connection(sock.getsockname()[:2], timeout=10).close()
        answering.join(10)
    assert asked.returncode == 0


def _answer_once(sock: socket.socket) -> None:
    connection, _ = sock.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(READY)
