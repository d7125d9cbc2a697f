"""Logs: one entry is one line whatever it is about, and nothing secret is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
from huey.consumer_options import ConsumerConfig

from portal import logs
from tests.world import GOOD_CARD, Caller, World


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """As a process of production logs; afterwards as it was."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", written)
    logs.setup()
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


FORGED = 'ok"}\r\n{"event": "refund approved", "operator": "olga"}\n\x1b[2J\u2028'


@pytest.mark.fault("N5")
def test_line_breaks_in_what_somebody_sent_start_no_entry_of_their_own(logged: io.StringIO) -> None:
    log = logging.getLogger("portal.tests")
    log.warning("refused: %s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("broke over %s", FORGED)
    lines = logged.getvalue().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["level"] for entry in entries] == ["warning", "error"]
    assert FORGED in entries[0]["event"]
    assert "ValueError" in entries[1]["exception"]


@pytest.mark.fault("N5")
def test_what_the_worker_says_is_logged_once_and_as_everything_else(
    logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", logged)
    ConsumerConfig().setup_logger(logging.getLogger("huey"))  # as huey_consumer does
    logs.setup()
    logging.getLogger("huey").error("a job\nbroke")
    assert [json.loads(line)["event"] for line in logged.getvalue().splitlines()] == ["a job\nbroke"]


@pytest.mark.fault("N5")
def test_no_secret_token_or_card_number_is_logged(world: World, logged: io.StringIO) -> None:
    """A life with everything that is logged in it: refusals, a wrong token, an error of ours, a purchase, a refund."""
    logging.getLogger().setLevel(logging.DEBUG)
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    alice = world.sign_in("alice")
    alice.post("/purchases", {"product_id": "nothing", "product_count": 1})
    world.app.test_client().get("/api/v1/purchases", headers={"Authorization": f"Bearer {alice.token}x"})
    world.app.test_client().post("/webhooks/sandbox", data=b"{}", headers={"Sandbox-Signature": "t=1,v1=0"})
    paid = world.bought("alice")
    price = {"amount": 299, "currency": "RUB"}
    assert alice.post("/refunds", {"invoice_guid": paid["invoice_guid"], "price": price}).status_code == 200
    world.drain()
    world.run_jobs()
    world.write("ALTER TABLE users RENAME TO users_away")
    assert alice.post("/purchases", {"product_id": "standard", "product_count": 1}).status_code in (500, 503)

    written = logged.getvalue()
    assert "refused unknown_product" in written
    assert "users" in written
    assert "alice@example.com" not in written
    secrets = [file.read_text().strip() for file in (world.settings.data / "secrets").iterdir()]
    assert len(secrets) > 3
    for secret in (*secrets, alice.token, alice.token.rpartition(".")[2], GOOD_CARD, GOOD_CARD.replace(" ", "")):
        assert secret not in written


TOKEN = "let-the-cinema-in"


def test_each_call_of_the_api_is_logged_with_who_called_and_a_service_by_its_name(
    make_world: Callable[..., World], logged: io.StringIO
) -> None:
    world = make_world(service_tokens=f"cinema:{sha256(TOKEN.encode()).hexdigest()}")
    callers = (world.sign_in("alice"), Caller(world.app.test_client(), TOKEN), Caller(world.app.test_client(), "x"))
    for number, who in enumerate(callers):
        who.get("/users/alice/entitlements?secret=s3cret", headers={"X-Request-Id": f"request-{number}"})
        who.get("/purchases?secret=s3cret", headers={"X-Request-Id": f"request-{number}"})
    written = logged.getvalue()
    entries = [json.loads(line) for line in written.splitlines()]
    told = {(one["request_id"], one["event"], one["caller"]) for one in entries if "caller" in one}
    assert told == {
        ("request-0", "GET /api/v1/users/alice/entitlements 401", "anybody"),
        ("request-0", "GET /api/v1/purchases 200", "user:alice"),
        ("request-1", "GET /api/v1/users/alice/entitlements 200", "service:cinema"),
        ("request-1", "GET /api/v1/purchases 401", "anybody"),
        ("request-2", "GET /api/v1/users/alice/entitlements 401", "anybody"),
        ("request-2", "GET /api/v1/purchases 401", "anybody"),
    }
    refused = [one["request_id"] for one in entries if one["event"].startswith("refused unauthorized")]
    assert refused == ["request-0", "request-1", "request-2", "request-2"]
    assert "s3cret" not in written
    assert TOKEN not in written
