"""A charge while its customer is away. All tries for one demand are tries of one PaymentIntent, which is paid once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import httpx

from portal.domain.outcome import Decline, Outcome
from portal.providers.port import Answer, ChargeOrder
from portal.providers.stripe import methods, said
from portal.providers.stripe.amounts import from_stripe, to_stripe
from portal.providers.stripe.client import Client, Heard
from portal.providers.stripe.created import created
from portal.providers.stripe.declines import DETACHED, asks_for_the_customer, decline, may_mean_the_method
from portal.providers.stripe.said import REFERENCE


def charge(client: Client, order: ChargeOrder) -> Answer:
    if order.payment_ref is None:
        return _tried(client, order, _create(client, order))
    renamed = _rename(client, order, order.payment_ref)
    if not renamed.ok:
        return _not_asked(renamed)
    status = renamed.body.get("status")
    if status == "canceled":
        return _tried(client, order, _create(client, order))
    if status != "requires_payment_method":
        return said.read(renamed, partial(said.payment, reference=order.reference))  # an earlier try came through
    return _tried(client, order, _confirm(client, order, order.payment_ref))


def _create(client: Client, order: ChargeOrder) -> Heard:
    minor, currency = to_stripe(order.amount)
    return client.hear(
        lambda stripe: stripe.payment_intents.create(
            {
                "amount": minor,
                "currency": currency,
                "customer": order.customer_ref,
                "payment_method": order.method_ref,
                "off_session": True,
                "confirm": True,
                "return_url": order.return_url,
                "description": order.description,
                "metadata": {REFERENCE: order.reference},
            },
            {"idempotency_key": order.reference},
        )
    )


def _rename(client: Client, order: ChargeOrder, payment_ref: str) -> Heard:
    """From here on it carries the reference of the new try, also where an earlier one turns out to have been paid."""
    key, metadata = f"{order.reference}:rename", {REFERENCE: order.reference}
    return client.hear(
        lambda stripe: stripe.payment_intents.update(payment_ref, {"metadata": metadata}, {"idempotency_key": key})
    )


def _confirm(client: Client, order: ChargeOrder, payment_ref: str) -> Heard:
    return client.hear(
        lambda stripe: stripe.payment_intents.confirm(
            payment_ref,
            {"payment_method": order.method_ref, "off_session": True, "return_url": order.return_url},
            {"idempotency_key": order.reference},
        )
    )


def _tried(client: Client, order: ChargeOrder, heard: Heard) -> Answer:
    declined = _declined_payment(heard)
    if declined is None:
        if _method_is_dead(client, order, heard):
            return Answer(Outcome.failed, decline=DETACHED, note=heard.note)
        return created(heard, partial(said.payment, reference=order.reference))
    if asks_for_the_customer(heard.error):
        return _bring_customer(client, order, declined)
    error = decline(heard.error)
    return said.read(Heard(httpx.codes.OK, declined), lambda body: _as_declined(body, order.reference, error, heard))


def _method_is_dead(client: Client, order: ChargeOrder, refused: Heard) -> bool:
    """Only where Stripe says so: else the refusal is a mistake of ours, and no reason to ask for another card."""
    if refused.status != httpx.codes.BAD_REQUEST or not may_mean_the_method(refused.error):
        return False
    return methods.owner(client, order.method_ref) not in (order.customer_ref, None)


def _declined_payment(heard: Heard) -> Mapping[str, Any] | None:
    """The bank said no: what it said it of."""
    payment = heard.error.get("payment_intent")
    return payment if heard.status == httpx.codes.PAYMENT_REQUIRED and isinstance(payment, dict) else None


def _as_declined(payment: Mapping[str, Any], reference: str, why: Decline, heard: Heard) -> Answer:
    if said.reference_of(payment) != reference:
        raise ValueError("not an answer about what we asked")
    amount = from_stripe(payment["amount"], payment["currency"])
    return Answer(Outcome.failed, said.text(payment["id"]), amount, decline=why, note=heard.note)


def _bring_customer(client: Client, order: ChargeOrder, declined: Mapping[str, Any]) -> Answer:
    """The same payment, confirmed as if its customer were here: then there is a page on which their bank asks."""
    payment_ref = str(declined.get("id"))
    heard = client.hear(
        lambda stripe: stripe.payment_intents.confirm(
            payment_ref,
            {"payment_method": order.method_ref, "return_url": order.return_url},
            {"idempotency_key": f"{order.reference}:authenticate"},
        )
    )
    again = _declined_payment(heard)
    if again is not None:
        error = decline(heard.error)
        return said.read(Heard(httpx.codes.OK, again), lambda body: _as_declined(body, order.reference, error, heard))
    answer = said.read(heard, partial(said.payment, reference=order.reference))
    return answer if answer.provider_ref else replace(answer, provider_ref=payment_ref)


def _not_asked(renamed: Heard) -> Answer:
    """Nothing was confirmed, so nothing was taken by this try; an earlier one is not asked about by its name."""
    answer = created(renamed, lambda _: Answer(Outcome.unknown))
    return answer if answer.outcome is Outcome.failed else Answer(Outcome.unknown, note=renamed.note)
