"""POST /purchases with everything that is not an order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.api.refusals import Untouched, wrong_in
from tests.world import Caller, World

GOOD: dict[str, Any] = {"product_id": "standard", "product_count": 1}
HUGE = 10**30
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    *[({"product_count": count}, "invalid_request") for count in (0, -1, 13, 1.5, "1", True, None, HUGE, [1], {})],
    *[
        ({"product_id": code}, "invalid_request")
        for code in ("", None, 1, [], {}, "a b", "../x", "a\x00b", "\ud800", "standard\n", "стандарт", "x" * 65)
    ],
    ({"product_id": "x" * 200_000}, "invalid_request"),
    *[({"product_id": code}, "unknown_product") for code in ("nothing", "STANDARD", "shelved", "x" * 64)],
    *[({"currency": currency}, "invalid_request") for currency in ("", "rub", "XXX", "RUBLE", 643, "R\x00B", "РУБ")],
    ({"currency": "KWD"}, "unknown_product"),
    *[({"provider": name}, "invalid_request") for name in ("", 1, "\x00", "\ud800")],
    *[({"provider": name}, "unknown_provider") for name in ("stripe", "nobody")],
    ({"promotion_code": "FREE"}, "invalid_request"),
    ({"promotion_code": "\ud800"}, "invalid_request"),
    *[
        ({"email": email}, "invalid_request")
        for email in ("", "alice", "a@b", "a b@c.d", "a\x00@b.c", "\ud800@b.c", "a\u202e@b.c", "x" * 400 + "@b.c", 1)
    ],
    *[
        ({"return_url": url}, "invalid_request")
        for url in (
            "",
            "/back",
            "https://evil.example/",
            "//portal.test/",
            "http://portal.test@evil.example/",
            "http://portal.test:1/",
            "javascript:alert(1)",
            "http://[portal.test/",
            "http://portal.test/\x00",
            "http://portal.test/\ud800",
            "http://portal.test/a\r\nb",
            "http://portal.test/" + "x" * 2001,
            7,
        )
    ],
    *[({"consents": given}, "invalid_request") for given in (True, [], {}, {"terms": True}, {"terms": 1})],
    ({"consents": {"terms": True, "personal_data": True, "spam": True}}, "invalid_request"),
    ({"consents": {"terms": True, "personal_data": True, "\ud800": True}}, "invalid_request"),
    ({"consents": {"terms": False, "personal_data": True}}, "consent_required"),
    ({"consents": {"terms": True, "personal_data": False}}, "consent_required"),
]
BAD_BODIES: list[tuple[bytes, str, int]] = [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b"null", "application/json", 400),
    (b"[]", "application/json", 400),
    (b"1", "application/json", 400),
    (b'"standard"', "application/json", 400),
    (b"[" * 100_000, "application/json", 400),
    (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "application/json", 400),
    (b"\xff\xfe\x00", "application/json", 400),
    (b'{"product_id": "standard", "product_count": NaN}', "application/json", 400),
    (b'{"product_id": "standard", "product_count": 1e400}', "application/json", 400),
    (b'{"product_id": "standard", "product_count": ' + b"9" * 5000 + b"}", "application/json", 400),
    (b'{"product_id": "standard", "product_count": 1, "product_count": 2}', "application/json", 400),
    (b'{"product_id": "standard"}', "application/json", 400),
    (b'{"product_count": 1}', "application/json", 400),
    (b"{}", "application/json", 400),
    (json.dumps(GOOD).encode(), "text/plain", 415),
    (json.dumps(GOOD).encode(), "", 415),
    (b"product_id=standard&product_count=1", "application/x-www-form-urlencoded", 415),
    (b'{"product_id": "' + b"x" * 1_000_000 + b'", "product_count": 1}', "application/json", 413),
]


@pytest.fixture
def alice(world: World) -> Caller:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    return world.sign_in("alice")


@pytest.mark.fault("M1")
@pytest.mark.fault("M2")
@pytest.mark.fault("N1")
def test_a_field_that_is_not_what_it_should_be_is_refused_and_nothing_is_written(world: World, alice: Caller) -> None:
    shelve(world)
    with Untouched(world):
        wrong = {
            f"{str(fields)[:80]}": said
            for fields, error_id in BAD_FIELDS
            if (said := wrong_in(alice.post("/purchases", GOOD | fields), 400, error_id))
        }
        assert wrong == {}


@pytest.mark.fault("N2")
def test_a_body_that_is_not_an_order_is_refused_and_nothing_is_written(world: World, alice: Caller) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    with Untouched(world):
        wrong = {}
        for body, kind, status in BAD_BODIES:
            answer = alice.client.post("/api/v1/purchases", data=body, content_type=kind, headers=headers)
            wrong[f"{body[:60]!r} {kind}"] = wrong_in(answer, status)
        assert {sent: said for sent, said in wrong.items() if said} == {}


def test_a_bad_idempotency_key_is_refused_and_nothing_is_written(world: World, alice: Caller) -> None:
    with Untouched(world):
        for key in ("", "x" * 256, "a\tb", "\x7f"):
            answer = alice.post("/purchases", GOOD, headers={"Idempotency-Key": key})
            assert wrong_in(answer, 400, "bad_request") is None, key


def shelve(world: World) -> None:
    """A plan that is not sold any more."""
    copied = "group, names, descriptions, features, interval, interval_count, trial_days, position, created_at"
    quoted = copied.replace("group", '"group"').replace("interval,", '"interval",')
    world.write(
        f"INSERT INTO plans (id, code, state, {quoted}) "  # noqa: S608 - column names from above
        f"SELECT :id, 'shelved', 'archived', {quoted} FROM plans WHERE code = 'sport'",
        id="0" * 31 + "1",
    )


@pytest.mark.fault("A4")
def test_fields_that_no_order_has_are_without_effect(world: World, alice: Caller) -> None:
    more = {"amount": 1, "price": {"amount": 0.01, "currency": "RUB"}, "total_minor": 1, "state": "paid"}
    more |= {"user_id": "boris", "user_guid": "boris", "subscription_id": "0" * 32, "auto_renew": False, "paid_at": 1}
    started = alice.post("/purchases", GOOD | more)
    assert started.status_code == 200
    row = world.one("SELECT user_id, state, total_minor, paid_at FROM invoices")
    assert row == {"user_id": "alice", "state": "not_paid", "total_minor": 29900, "paid_at": None}
    assert world.count("periods") == 0
