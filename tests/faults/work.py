"""What a process of the bench may be asked to do."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
from flask import current_app
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.serving import make_server

from portal import failpoints, runtime
from portal.db.session import db
from portal.demo.auth.start import consumer
from portal.demo.sandbox.app import Sandbox
from portal.domain.act import Act
from portal.domain.consent import Agreement
from portal.domain.money import Money
from portal.domain.user import Person
from portal.jobs import JOBS
from portal.outbox.relay import Relay, publisher_from
from portal.services import ask_again as asking
from portal.services import change_plan, close_invoice, inbox, methods, refund, save_method
from portal.services import grant as granting
from tests.journeys.serving import Silent
from tests.world import GOOD_CARD

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def command(*arguments: str) -> None:
    """A `flask` command."""
    done = current_app.test_cli_runner().invoke(args=arguments)
    assert done.exit_code == 0, (done.output, done.exception)


def job(name: str) -> None:
    next(one for one in JOBS if one.name == name).run_once()


def job_or_fail(name: str) -> None:
    """As the worker's queue does: what went wrong is told to the log, and the next minute tries again."""
    try:
        job(name)
    except SQLAlchemyError:
        logging.getLogger(__name__).exception("%s failed", name)


def deliver() -> None:
    """The payment system's webhooks, to whoever has the address."""
    _deliver(runtime.settings.origin)


def deliver_to(base: str) -> None:
    _deliver(base)


def _deliver(base: str) -> int:
    sandbox: Sandbox = current_app.extensions["matinee_sandbox"]
    deliverer = sandbox.deliverer(f"{base}/webhooks/sandbox")
    try:
        return deliverer.run_once()
    finally:
        deliverer.close()


def consume() -> None:
    """What is in Auth's queue now."""
    consumer(runtime.settings, runtime.clock.now).run_once()


def turn() -> None:
    """One turn of every loop, and again until nothing is left that is due now."""
    for one in JOBS:
        one.run_once()
    publisher = publisher_from(runtime.settings)
    relay = Relay(publisher, runtime.clock)
    while _deliver(runtime.settings.origin) + inbox.run_once() + relay.run_once():
        pass
    publisher.close()
    if runtime.settings.amqp_url:
        consume()


def hear() -> None:
    """Webhooks come, and are applied; nobody is told."""
    while _deliver(runtime.settings.origin) + inbox.run_once():
        pass


def a_life() -> None:
    """A bit of everything that is not a kill."""
    token = current_app.test_client().post("/auth/token", json={"login": "alice"}).json["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "warm"}
    order = {"product_id": "standard", "product_count": 1}
    bought = current_app.test_client().post("/api/v1/purchases", json=order, headers=headers).json
    form = {"card_number": GOOD_CARD, "expiry": "12/34", "cvc": "123"}
    httpx.post(bought["redirect_url"], data=form, trust_env=False, timeout=60)
    turn()
    runtime.clock.at += timedelta(days=32)  # type: ignore[attr-defined]  # the bench's clock stands
    turn()
    invoice = UUID(bought["invoice_guid"])
    ask_money_back("alice", invoice, Money(100, "RUB"))
    turn()


def through(port: int, work: Callable[..., None], *given: object) -> None:
    """`work`, whose connections to the database go through somebody's wire."""
    event.listen(db.engine, "do_connect", lambda dialect, record, args, params: params.update(port=port))
    work(*given)


def serve(port: int) -> None:
    """The portal's web process."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own
    make_server("127.0.0.1", port, app, threaded=True, request_handler=Silent).serve_forever()


def with_a_hand(places: Mapping[str, tuple[int, int]], work: Callable[..., None], *given: object) -> None:
    """`work`, and at the n-th passage of a place the hand of somebody who kills another process."""
    passed = dict.fromkeys(places, 0)

    def look(name: str) -> None:
        if name in places:
            passed[name] += 1
            nth, victim = places[name]
            if passed[name] == nth:
                kill(victim)

    failpoints.on_passage(look)
    work(*given)


def kill(pid: int) -> None:
    """A whole process group where the number is negative."""
    (os.killpg if pid < 0 else os.kill)(abs(pid), signal.SIGKILL)


def waiting_at(place: str, gate: str, work: Callable[..., None], *given: object) -> None:
    """`work`, which says when it is at the place, and stands there until somebody opens the gate (a named pipe)."""

    def stand(name: str) -> None:
        if name == place:
            Path(f"{gate}.{os.getpid()}").touch()
            os.close(os.open(gate, os.O_RDONLY))

    failpoints.on_passage(stand)
    work(*given)


# What customers do


def ask_money_back(login: str, invoice_id: UUID, amount: Money) -> None:
    refund.request(Person(login), invoice_id, amount, None)


def close(login: str, invoice_id: UUID) -> None:
    close_invoice.close(Person(login), invoice_id)


def remove_method(login: str, method_id: UUID) -> None:
    methods.remove(Person(login), method_id)


def start_saving(login: str) -> None:
    save_method.start(Person(login), Agreement(True, True, True, "cabinet", "en"))


def move_to(login: str, subscription_id: UUID, code: str) -> None:
    quoted = change_plan.preview(Person(login), subscription_id, code).quote
    change_plan.change(Person(login), subscription_id, code, quoted.id)


# What operators do


def ask_again(act: Act, payment_id: UUID) -> None:
    asking.ask_again(act, payment_id)


def grant(act: Act, subscription_id: UUID, days: int) -> None:
    granting.grant(act, subscription_id, days)
