"""The hosted page: one Checkout Session for one order, over a sum or, to save a method, over nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import httpx

from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, CheckoutOrder
from portal.providers.stripe import said
from portal.providers.stripe.amounts import to_stripe
from portal.providers.stripe.client import Client, Heard
from portal.providers.stripe.created import created
from portal.providers.stripe.said import CURRENCY, REFERENCE

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

# How long Stripe lets a page be open, from when the order arrives there; a minute is for its way and for two clocks.
SHORTEST: Final = timedelta(minutes=31)
LONGEST: Final = timedelta(hours=24) - timedelta(minutes=1)

CARDS: Final = ["card"]  # with the wallets that hold cards; what is paid for days later, or only once, is left out
PAGES: Final = "https://checkout.stripe.com https://hooks.stripe.com"  # where one pays, and where one's bank asks


def start(client: Client, order: CheckoutOrder, now: datetime) -> Answer:
    key = order.reference
    if order.customer_ref is not None:
        heard = _open(client, order, order.customer_ref, now, key)
        if not (heard.code == "resource_missing" and heard.error.get("param") == "customer"):
            return _opened(heard, order)
        # Somebody deleted that customer at Stripe: nothing was begun, so it is asked for once more as another.
        # Stripe may keep the refusal, and takes its key for the same parameters only.
        key = f"{order.reference}:other-customer"
    made = _make_customer(client, order)
    customer = made.body.get("id")
    if not made.ok or not isinstance(customer, str):
        # Without a customer no page was asked for, whatever became of the customer.
        return Answer(Outcome.failed, decline=Decline(DeclineClass.gateway, "no_customer"), note=made.note)
    return _opened(_open(client, order, customer, now, key), order)


def _open(client: Client, order: CheckoutOrder, customer: str, now: datetime, key: str) -> Heard:
    params = _params(order, customer, now)
    return client.hear(lambda stripe: stripe.checkout.sessions.create(params, {"idempotency_key": key}))


def _opened(heard: Heard, order: CheckoutOrder) -> Answer:
    return created(heard, lambda body: said.session(body, order.reference))


def _make_customer(client: Client, order: CheckoutOrder) -> Heard:
    """One for each user: whoever asks again within a day gets the same one."""
    of_user = f"customer:{hashlib.sha256(order.user_id.encode()).hexdigest()[:32]}"  # Auth's ids may be long, no ASCII
    made = _customer(client, order, of_user)
    if not httpx.codes.is_server_error(made.status):
        return made
    # Stripe keeps that answer for a day, for all orders of this user. Another customer does no harm: it owes nothing.
    return _customer(client, order, f"{of_user}:{order.reference}")


def _customer(client: Client, order: CheckoutOrder, key: str) -> Heard:
    metadata = {"matinee_user": order.user_id}
    return client.hear(lambda stripe: stripe.customers.create({"metadata": metadata}, {"idempotency_key": key}))


def _params(order: CheckoutOrder, customer: str, now: datetime) -> SessionCreateParams:
    minor, currency = to_stripe(order.amount)
    ours = {REFERENCE: order.reference}
    params: SessionCreateParams = {
        "client_reference_id": order.reference,
        "metadata": {**ours, CURRENCY: order.amount.currency},
        "customer": customer,
        "allowed_payment_method_types": [*CARDS],
        "locale": "ru" if order.locale.startswith("ru") else "en",
        "success_url": order.return_url,
        "cancel_url": order.return_url,
        "expires_at": int(min(max(order.expires_at, now + SHORTEST), now + LONGEST).timestamp()),
    }
    if not minor:
        saved = {"metadata": ours, "description": order.description}
        return {**params, "mode": "setup", "currency": currency, "setup_intent_data": saved}  # type: ignore[typeddict-item]
    item = {"currency": currency, "unit_amount": minor, "product_data": {"name": order.description}}
    params |= {"mode": "payment", "line_items": [{"quantity": 1, "price_data": item}]}  # type: ignore[typeddict-item]
    params["adaptive_pricing"] = {"enabled": False}  # the customer pays the sum that our page named
    params["payment_intent_data"] = {"metadata": ours, "description": order.description}
    if order.save_method:
        params["payment_intent_data"]["setup_future_usage"] = "off_session"
    return params
