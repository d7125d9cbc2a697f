"""Without a broker: the same message by POST."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from portal.config import Settings
from portal.demo.auth.app import service_of
from portal.outbox.http import HttpPublisher
from portal.outbox.message import Message
from portal.outbox.rabbit import RabbitPublisher
from portal.outbox.relay import publisher_from
from tests.demo.auth.places import EVENTS_TOKEN, new_auth
from tests.outbox.conftest import event


@pytest.fixture
def auth_url(tmp_path: Path) -> Iterator[str]:
    """The demo Auth on a port of its own."""
    app = new_auth(tmp_path)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    service_of(app).store.close()


def message(version: int, **changed: object) -> Message:
    event_id = uuid.uuid4()
    body = {**event(event_id, "alice", version), **changed}
    return Message(str(event_id), "subscription.changed", json.dumps(body).encode())


def test_a_message_is_confirmed_by_2xx_also_when_it_comes_again(auth_url: str) -> None:
    publisher = HttpPublisher(f"{auth_url}/events", EVENTS_TOKEN)
    one = message(1)
    assert [receipt.confirmed for receipt in publisher.publish([one, one])] == [True, True]
    publisher.close()


def test_a_message_that_is_refused_is_not_confirmed_and_others_are(auth_url: str) -> None:
    publisher = HttpPublisher(f"{auth_url}/events", EVENTS_TOKEN)
    receipts = publisher.publish([message(1, specversion="9.0"), message(2)])
    assert [(receipt.error, receipt.away) for receipt in receipts] == [("HTTP 400", False), (None, False)]
    publisher.close()


def test_with_a_wrong_token_nothing_is_taken(auth_url: str) -> None:
    publisher = HttpPublisher(f"{auth_url}/events", "guess")
    (receipt,) = publisher.publish([message(1), message(2)])
    assert (receipt.error, receipt.away) == ("HTTP 401", True)
    publisher.close()


def test_nobody_there_is_no_exception() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/events"
    publisher = HttpPublisher(url, EVENTS_TOKEN)
    (receipt,) = publisher.publish([message(1), message(2)])
    assert receipt.away
    publisher.close()


def test_an_answer_that_trickles_in_is_not_waited_for() -> None:
    """Each single wait is short enough; only their sum is not."""
    done = threading.Event()

    def trickle(server: socket.socket) -> None:
        line, _ = server.accept()
        with line:
            line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not done.wait(0.05):
                line.sendall(b".")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        publisher = HttpPublisher(f"http://127.0.0.1:{server.getsockname()[1]}/events", EVENTS_TOKEN, deadline=0.3)
        (receipt,) = publisher.publish([message(1)])
        done.set()
        thread.join()
    assert (receipt.error, receipt.away) == ("no answer within 0.3 s", True)
    publisher.close()


def test_the_settings_choose_the_way(tmp_path: Path) -> None:
    def settings(amqp_url: str) -> Settings:
        return Settings.model_validate({"app_env": "test", "data_dir": tmp_path, "amqp_url": amqp_url})

    assert isinstance(publisher_from(settings("")), HttpPublisher)
    assert isinstance(publisher_from(settings("amqp://broker.example/")), RabbitPublisher)
