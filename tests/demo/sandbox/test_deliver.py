"""Webhooks: signed when sent, sent until 2xx, and spoiled as the fault plan says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from portal.demo.sandbox.deliver import Deliverer, run
from portal.domain.errors import BadSignature
from tests.demo.sandbox.receiver import Receiver, served
from tests.demo.sandbox.shop import SECRET, Shop


@dataclass
class Mail:
    """A shop, its endpoint, and the deliverer between them."""

    shop: Shop
    receiver: Receiver
    deliverer: Deliverer

    def deliver(self) -> list[dict[str, Any]]:
        """What arrives now, in order."""
        before = len(self.receiver.received)
        self.deliverer.run_once()
        return [json.loads(body) for _, body in self.receiver.received[before:]]

    def believed(self, number: int) -> bool:
        headers, body = self.receiver.received[number]
        try:
            self.shop.provider.verify(headers, body, self.shop.clock())
        except BadSignature:
            return False
        return True


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    receiver = Receiver()
    with served(receiver.app) as url:
        receiver.url = f"{url}/webhooks/sandbox"
        deliverer = shop.sandbox.deliverer(receiver.url)
        yield Mail(shop, receiver, deliverer)
        deliverer.close()


def test_an_event_names_the_object_and_its_state(mail: Mail) -> None:
    mail.shop.buy()
    (event,) = mail.deliver()
    about = {"kind": "payment", "reference": "payment:1", "state": "succeeded", "amount": 59900, "currency": "RUB"}
    assert about.items() <= event["data"].items()
    assert (event["type"], event["livemode"], event["created"]) == (
        "payment.succeeded",
        False,
        int(mail.shop.clock().timestamp()),
    )
    assert mail.believed(0)
    assert mail.deliver() == []


def test_a_webhook_is_sent_again_with_backoff_until_2xx_and_signed_anew_each_time(mail: Mail) -> None:
    mail.shop.buy()
    mail.receiver.statuses = [503, 302, 400]
    assert len(mail.deliver()) == 1
    for pause in (1, 2, 4):
        mail.shop.clock.advance(seconds=pause - 0.5)
        assert mail.deliver() == []
        mail.shop.clock.advance(seconds=0.5)
        assert len(mail.deliver()) == 1
    mail.shop.clock.advance(days=30)
    assert mail.deliver() == []
    stamps = [headers["Sandbox-Signature"].split(",")[0] for headers, _ in mail.receiver.received]
    assert len(set(stamps)) == 4
    assert len({body for _, body in mail.receiver.received}) == 1
    (row,) = mail.shop.book.webhooks()
    assert (row["attempts"], row["last_status"], row["due_at"]) == (4, 200, None)


def test_a_shop_that_is_not_there_is_tried_again(shop: Shop) -> None:
    shop.buy()
    down = Deliverer(shop.book, "http://127.0.0.1:1/webhooks", SECRET, shop.clock)
    assert down.run_once() == 0
    (row,) = shop.book.webhooks()
    assert (row["attempts"], row["delivered_at"]) == (1, None)
    down.close()


def test_retries_are_never_more_than_an_hour_apart(mail: Mail) -> None:
    mail.shop.buy()
    mail.receiver.statuses = [500] * 30
    for _ in range(30):
        mail.shop.clock.advance(hours=1)
        assert len(mail.deliver()) == 1
    mail.shop.clock.advance(hours=1)
    assert len(mail.deliver()) == 1


def test_the_deliverer_settles_what_became_due_by_itself(mail: Mail) -> None:
    mail.shop.plan("pending_then_late", "pay", after=86400)
    mail.shop.buy()
    assert [event["type"] for event in mail.deliver()] == ["payment.pending"]
    mail.shop.clock.advance(days=1)
    assert [event["type"] for event in mail.deliver()] == ["payment.succeeded"]


def test_a_dropped_webhook_never_arrives(mail: Mail) -> None:
    mail.shop.plan("drop", "webhook", "payment:1")
    mail.shop.buy()
    mail.shop.buy("payment:2")
    mail.shop.clock.advance(days=40)
    assert [event["data"]["reference"] for event in mail.deliver()] == ["payment:2"]


def test_a_repeated_webhook_is_the_same_event_again(mail: Mail) -> None:
    mail.shop.plan("repeat", copies=2)
    mail.shop.buy()
    events = mail.deliver()
    assert len(events) == 3
    assert len({event["id"] for event in events}) == 1


def test_a_delayed_webhook_arrives_later(mail: Mail) -> None:
    mail.shop.plan("delay", seconds=4 * 86400)
    mail.shop.buy()
    assert mail.deliver() == []
    mail.shop.clock.advance(days=4)
    assert len(mail.deliver()) == 1
    assert mail.believed(0)


def test_a_reordered_webhook_follows_the_one_after_it(mail: Mail) -> None:
    mail.shop.plan("reorder")
    paid = mail.shop.buy()
    assert mail.deliver() == []
    mail.shop.provider.refund(mail.shop.back(paid, 900))
    assert [event["type"] for event in mail.deliver()] == ["refund.succeeded", "payment.succeeded"]


def test_a_reordered_webhook_arrives_although_no_other_comes(mail: Mail) -> None:
    mail.shop.plan("reorder", seconds=60)
    mail.shop.buy()
    mail.shop.clock.advance(seconds=60)
    assert len(mail.deliver()) == 1


def test_a_forged_webhook_comes_beside_the_true_one_and_is_not_believed(mail: Mail) -> None:
    mail.shop.plan("forge")
    mail.receiver.statuses = [200, 400]
    mail.shop.buy(card="4000000000000002")
    true, forged = mail.deliver()
    assert (true["type"], forged["type"]) == ("payment.failed", "payment.succeeded")
    assert (mail.believed(0), mail.believed(1)) == (True, False)
    mail.shop.clock.advance(days=1)
    assert mail.deliver() == []


def test_two_deliverers_do_not_send_one_webhook_twice(mail: Mail) -> None:
    for number in range(8):
        mail.shop.buy(f"payment:{number}")
    second = mail.shop.sandbox.deliverer(mail.receiver.url)
    threads = [threading.Thread(target=one.run_once) for one in (mail.deliverer, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    assert len(mail.receiver.received) == 8


def test_at_most_the_limit_is_sent_in_one_go(mail: Mail) -> None:
    for number in range(3):
        mail.shop.buy(f"payment:{number}")
    assert [mail.deliverer.run_once(limit=2) for _ in range(3)] == [2, 1, 0]


def test_the_process_delivers_until_it_is_told_to_stop(mail: Mail) -> None:
    stop = threading.Event()
    given = {"database_url": mail.shop.database_url, "webhook_url": mail.receiver.url, "secret": SECRET}
    process = threading.Thread(target=run, kwargs={**given, "now": mail.shop.clock, "stop": stop})
    process.start()
    mail.shop.buy()
    assert mail.receiver.arrived.wait(timeout=10)
    stop.set()
    process.join(timeout=10)
    assert not process.is_alive()


def test_a_failing_round_does_not_end_the_loop(shop: Shop) -> None:
    stop = threading.Event()

    class Failing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            stop.set()
            raise RuntimeError("a bug")

    shop.buy()
    deliverer = shop.sandbox.deliverer("http://shop.example/webhooks", transport=Failing())
    deliverer.run_forever(stop)
    assert shop.book.webhooks()[0]["attempts"] == 1


def test_an_empty_secret_signs_nothing(shop: Shop) -> None:
    with pytest.raises(ValueError, match="secret"):
        Deliverer(shop.book, "http://shop.example/webhooks", "", shop.clock)
