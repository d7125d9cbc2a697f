"""The wire does to a conversation what it is told to, and writes down that it did."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any

import psycopg
import pytest

from tests.conftest import POSTGRESQL
from tests.faults.proxy import COMMIT, Proxy, Trap, proxy_to
from tests.journeys.waiting import until

SOON = 10.0  # seconds, where other threads have to have a turn


class Parrot:
    """Says everything again."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._repeat, args=(connection,), daemon=True).start()

    def _repeat(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while data := connection.recv(1024):
                self.heard += data
                connection.sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    parrot = Parrot()
    yield parrot
    parrot.close()


@pytest.fixture
def proxy(parrot: Parrot) -> Iterator[Proxy]:
    with proxy_to(parrot.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert said(client, b"hello") == b"hello"
        yield client


def said(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(1024)


def test_a_wire_that_is_told_nothing_carries_everything(client: socket.socket, proxy: Proxy) -> None:
    assert said(client, b"how are you") == b"how are you"
    assert proxy.log == []


def test_latency_is_added_both_ways(client: socket.socket, proxy: Proxy) -> None:
    proxy.latency = 0.1
    begun = time.monotonic()
    assert said(client, b"slow") == b"slow"
    assert time.monotonic() - begun >= 0.2


def test_a_trickle_comes_byte_by_byte(client: socket.socket, proxy: Proxy) -> None:
    proxy.trickle = 0.05
    assert said(client, b"slow") == b"s"
    assert proxy.log == ["trickle"]


def test_a_cut_wire_ends_the_conversation(client: socket.socket, proxy: Proxy) -> None:
    proxy.cut()
    assert client.recv(1024) == b""
    assert proxy.log == ["cut"]


def test_a_reset_wire_ends_it_rudely(client: socket.socket, proxy: Proxy) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1024)
    assert proxy.log == ["reset"]


def test_whoever_is_away_takes_no_new_conversation(proxy: Proxy) -> None:
    proxy.away = True
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as late:
        assert late.recv(1024) == b""
    assert proxy.log == ["away"]


@pytest.mark.parametrize(("way", "heard"), [("deaf", b"helloanybody?"), ("dumb", b"hello")])
def test_a_half_open_wire_looks_whole_and_answers_nothing(
    client: socket.socket, proxy: Proxy, parrot: Parrot, way: str, heard: bytes
) -> None:
    setattr(proxy, way, True)
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        said(client, b"anybody?")
    until(lambda: parrot.heard == heard and proxy.log == [way], SOON, "the other side has heard its part")


@pytest.mark.parametrize(("forward", "heard"), [(True, b"hello1wordand1word"), (False, b"hello1wordand")])
def test_a_trap_tears_the_wire_at_a_word_before_or_after_the_other_side_hears_it(
    client: socket.socket, proxy: Proxy, parrot: Parrot, forward: bool, heard: bytes
) -> None:
    proxy.trap = Trap(re.compile(rb"1word"), "cut", nth=2, forward=forward)
    assert said(client, b"1word") == b"1word"
    assert said(client, b"and") == b"and"
    assert said(client, b"1word") == b""
    assert parrot.heard == heard
    assert proxy.log == ["cut"]


def test_a_word_in_two_pieces_springs_the_trap_too(client: socket.socket, proxy: Proxy) -> None:
    proxy.trap = Trap(re.compile(rb"1word"), "deafen")
    assert said(client, b"1w") == b"1w"
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        said(client, b"ord")
    until(lambda: proxy.log == ["deafen", "deaf"], SOON, "the trap has sprung")


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize(("forward", "rows"), [(True, 1), (False, 0)])
def test_a_commit_is_recognised_on_its_way_to_postgresql(forward: bool, rows: int, piped: bool) -> None:
    """As a simple query, and as the messages that a pipeline is made of."""
    where = psycopg.conninfo.conninfo_to_dict(POSTGRESQL)
    with proxy_to(int(where.get("port") or 5432)) as proxy, psycopg.connect(POSTGRESQL, autocommit=True) as looker:
        with looker.transaction():
            looker.execute("SELECT pg_advisory_xact_lock(7305)")
            looker.execute("CREATE TABLE IF NOT EXISTS matinee_proxied (port int)")
        connection = psycopg.connect(POSTGRESQL, port=proxy.port)
        with pytest.raises(psycopg.OperationalError):
            write(connection, proxy, Trap(COMMIT, "cut", forward=forward), piped)
        connection.close()
        assert proxy.log == ["cut"]
        gone = looker.execute("DELETE FROM matinee_proxied WHERE port = %s", [proxy.port])
        assert gone.rowcount == rows


def write(connection: psycopg.Connection[Any], proxy: Proxy, trap: Trap, piped: bool) -> None:
    with connection.pipeline() if piped else nullcontext():
        connection.execute("INSERT INTO matinee_proxied VALUES (%s)", [proxy.port])
        proxy.trap = trap
        connection.commit()
