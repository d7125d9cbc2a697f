"""Closing what waits for the customer: a page is expired, a payment that the bank asks about is cancelled."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from portal.domain.outcome import Outcome
from portal.providers.port import Answer, Clues
from portal.providers.stripe import said
from portal.providers.stripe.client import Client, Heard
from portal.providers.stripe.declines import CLOSED, EXPIRED
from portal.providers.stripe.finding import find


def close(client: Client, reference: str, clues: Clues) -> Answer:
    """What can no longer be closed has been paid, or is closed: asked again, it says which."""
    there = find(client, reference, clues)
    if there.outcome is not Outcome.requires_action or there.provider_ref is None:
        return replace(there, absent=False)
    is_page = there.provider_ref.startswith("cs_")
    heard = _expire(client, there.provider_ref) if is_page else _cancel(client, there.provider_ref)
    if heard.ok:
        shape = said.session if is_page else said.payment
        answer = said.read(heard, partial(shape, reference=reference))
        return replace(answer, decline=CLOSED) if answer.decline == EXPIRED else answer  # it did not run out by itself
    if heard.code in ("resource_missing", "payment_intent_unexpected_state", "invalid_request_error"):
        return replace(find(client, reference, replace(clues, provider_ref=there.provider_ref)), absent=False)
    return Answer(Outcome.unknown, note=heard.note)


def _expire(client: Client, session_ref: str) -> Heard:
    return client.hear(lambda stripe: stripe.checkout.sessions.expire(session_ref))


def _cancel(client: Client, payment_ref: str) -> Heard:
    return client.hear(lambda stripe: stripe.payment_intents.cancel(payment_ref, {"cancellation_reason": "abandoned"}))
