"""The counterpart is as strict as Stripe: a call that is wrong there fails here too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from stripe.params.checkout import SessionCreateParams

from portal.domain.money import Money
from portal.providers.stripe.client import API_VERSION
from tests.providers.stripe.shop import Shop
from tests.stripe_wire.params import check, read
from tests.stripe_wire.server import API_KEY, StripeWire, serving

HEADERS = {"Authorization": f"Bearer {API_KEY}", "Stripe-Version": API_VERSION}


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[StripeWire]:
    with serving(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(wire: StripeWire) -> stripe.StripeClient:
    """The SDK as it comes, with nothing of ours."""
    addresses: Any = {"api": wire.base_url}
    http = stripe.HTTPXClient(allow_sync_methods=True)
    return stripe.StripeClient(API_KEY, base_addresses=addresses, http_client=http, max_network_retries=0)


WRONG: list[tuple[str, dict[str, str], str, str]] = [
    ("/v1/customers", {"metadatas[a]": "1"}, "parameter_unknown", "metadatas"),
    ("/v1/customers", {"metadata": "1"}, "parameter_invalid", "metadata"),
    ("/v1/refunds", {"amount": "much"}, "parameter_invalid", "amount"),
    ("/v1/refunds", {"idempotency_key": "k"}, "parameter_unknown", "idempotency_key"),
    ("/v1/payment_intents", {"currency": "rub"}, "parameter_missing", "amount"),
    ("/v1/payment_intents", {"amount": "5", "currency": "rub", "confirm": "yes"}, "parameter_invalid", "confirm"),
    (
        "/v1/checkout/sessions",
        {"line_items[0][price_data][unit_price]": "5"},
        "parameter_unknown",
        "line_items[0][price_data][unit_price]",
    ),
]


@pytest.mark.parametrize(("path", "given", "code", "param"), WRONG)
def test_a_wrong_parameter_is_refused_by_its_name(
    wire: StripeWire, path: str, given: dict[str, str], code: str, param: str
) -> None:
    answer = httpx.post(f"{wire.base_url}{path}", data=given, headers=HEADERS)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (400, "invalid_request_error", code)
    assert error["param"] == param
    assert answer.headers["Request-Id"].startswith("req_")


def test_the_sdks_own_declarations_decide_what_may_be_sent(client: stripe.StripeClient) -> None:
    params: Any = {"metadata": {"a": "b"}, "favourite_film": "Stalker"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create(params)
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "favourite_film")


def test_another_version_or_key_is_not_served(wire: StripeWire) -> None:
    other = httpx.get(f"{wire.base_url}/v1/refunds", headers={**HEADERS, "Stripe-Version": "2020-08-27"})
    stranger = httpx.get(f"{wire.base_url}/v1/refunds", headers={**HEADERS, "Authorization": "Bearer sk_test_x"})
    assert (other.status_code, stranger.status_code) == (400, 401)


def test_nested_parameters_are_read_as_they_were_meant() -> None:
    pairs = [("line_items[0][quantity]", "1"), ("metadata[a]", "b"), ("expand[]", "customer"), ("expand[]", "url")]
    given = read(pairs)
    assert given == {"line_items": [{"quantity": "1"}], "metadata": {"a": "b"}, "expand": ["customer", "url"]}
    assert check(given, SessionCreateParams)["line_items"] == [{"quantity": 1}]


def test_keys_are_stripes(wire: StripeWire, client: stripe.StripeClient) -> None:
    first = client.v1.customers.create({"description": "a"}, {"idempotency_key": "k"})
    again = client.v1.customers.create({"description": "a"}, {"idempotency_key": "k"})
    assert first.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"description": "b"}, {"idempotency_key": "k"})
    wire.advance(hours=25)
    assert client.v1.customers.create({"description": "b"}, {"idempotency_key": "k"}).id != first.id


def test_a_500_is_kept_for_its_key(wire: StripeWire) -> None:
    shop = Shop(wire)
    url = {"success_url": "https://shop.example", "mode": "setup", "currency": "rub"}
    customer = httpx.post(f"{wire.base_url}/v1/customers", headers=HEADERS).json()["id"]
    wire.plan("error_after", "start_checkout")
    keyed = {**HEADERS, "Idempotency-Key": "k"}
    answers = [
        httpx.post(f"{wire.base_url}/v1/checkout/sessions", data={**url, "customer": customer}, headers=keyed)
        for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [500, 500]
    assert answers[0].json()["error"]["type"] == "api_error"
    assert "Idempotent-Replayed" in answers[1].headers
    assert len(shop.asked("start_checkout")) == 2


def test_a_customer_who_was_looked_for_in_vain_is_kept_for_the_key(wire: StripeWire) -> None:
    given = {"success_url": "https://shop.example", "mode": "setup", "currency": "rub"}
    keyed = {**HEADERS, "Idempotency-Key": "k"}
    answers = [
        httpx.post(f"{wire.base_url}/v1/checkout/sessions", data={**given, "customer": customer}, headers=keyed)
        for customer in ("cus_nobody", "cus_nobody", "cus_else")
    ]
    errors = [one.json()["error"] for one in answers]
    assert [one.status_code for one in answers] == [400, 400, 400]
    assert "Idempotent-Replayed" in answers[1].headers
    assert [errors[1]["code"], errors[1]["param"], errors[2]["type"]] == [
        "resource_missing",
        "customer",
        "idempotency_error",
    ]


def test_a_method_that_is_nobodys_or_somebody_elses_is_refused_without_a_code(
    wire: StripeWire, client: stripe.StripeClient
) -> None:
    shop = Shop(wire)
    alices, boris = shop.saved(), shop.saved(user_id="boris")
    client.v1.payment_methods.detach(alices.method_ref)
    params: Any = {"amount": 59900, "currency": "rub", "off_session": True, "confirm": True}
    for method, customer, param in (
        (alices, alices.customer_ref, None),
        (boris, alices.customer_ref, "payment_method"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.create({**params, "customer": customer, "payment_method": method.method_ref})
        assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, None, param)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.detach(alices.method_ref)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, None, None)


def test_a_method_says_whose_it_is(wire: StripeWire, client: stripe.StripeClient) -> None:
    method = Shop(wire).saved()
    assert client.v1.payment_methods.retrieve(method.method_ref).customer == method.customer_ref
    client.v1.payment_methods.detach(method.method_ref)
    assert client.v1.payment_methods.retrieve(method.method_ref).customer is None
    for ask in (client.v1.payment_methods.retrieve, client.v1.payment_methods.detach):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            ask("pm_nobody")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_a_declined_charge_is_an_error_with_its_payment(wire: StripeWire, client: stripe.StripeClient) -> None:
    shop = Shop(wire)
    method = shop.saved("4000 0000 0000 0341")
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.create(
            {
                "amount": 59900,
                "currency": "rub",
                "customer": method.customer_ref,
                "payment_method": method.method_ref,
                "off_session": True,
                "confirm": True,
            }
        )
    error = declined.value.error
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    assert error is not None
    assert error.decline_code == "generic_decline"
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"


def test_its_objects_have_the_members_that_the_sdk_knows(wire: StripeWire, client: stripe.StripeClient) -> None:
    shop = Shop(wire)
    bought = shop.buy()
    shop.provider.refund(shop.back(bought, 900))
    wire.dispute("payment:1")
    lists: list[tuple[Any, type]] = [
        (client.v1.payment_intents.list(), stripe.PaymentIntent),
        (client.v1.refunds.list(), stripe.Refund),
        (client.v1.disputes.list(), stripe.Dispute),
        (client.v1.checkout.sessions.list(), stripe.checkout.Session),
    ]
    for page, kind in lists:
        (one,) = page.data
        assert isinstance(one, kind)
        assert set(one.to_dict()) - set(kind.__annotations__) == set()


@pytest.mark.parametrize("way", ["closed", "run out"])
def test_a_page_over_nothing_that_nobody_used_says_so_and_blames_no_card(
    wire: StripeWire, client: stripe.StripeClient, way: str
) -> None:
    shop = Shop(wire)
    shop.open_page("setup:1", amount=Money(0, "RUB"))
    (opened,) = client.v1.checkout.sessions.list().data
    if way == "closed":
        client.v1.checkout.sessions.expire(opened.id)
    else:
        wire.advance(hours=25)
    params: Any = {"expand": ["setup_intent"]}
    session = client.v1.checkout.sessions.retrieve(opened.id, params)
    assert isinstance(session.setup_intent, stripe.SetupIntent)
    assert (session.status, session.setup_intent.status) == ("expired", "canceled")
    assert session.setup_intent.last_setup_error is None
