"""Finding an object of ours: by its id where we know it, else by reading Stripe's lists for our reference.

The lists are complete at once. Stripe's search is not: it lags behind, knows no pages, and is not there in every
country, so that what it does not find proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from portal.domain.outcome import Outcome
from portal.providers.port import Answer, Clues
from portal.providers.stripe import said
from portal.providers.stripe.client import Answered, Client, Heard
from portal.providers.stripe.said import Said, reference_of

PAGE: Final = 100
MOST_PAGES: Final = 50  # of one list; who has more objects than that is asked to wait, and is not told "absent"
BEFORE: Final = timedelta(hours=1)  # our clock may be ahead of Stripe's
AFTER: Final = timedelta(hours=22)  # the key is sent again for twenty

SESSION: Final = ["payment_intent.payment_method", "setup_intent.payment_method"]
PAYMENT: Final = ["payment_method", "latest_charge"]

ABSENT: Final = Answer(Outcome.unknown, absent=True, note="not listed")
Ask = Callable[[Any, dict[str, Any]], Answered]  # a page of a list, with what narrows it


def find(client: Client, reference: str, clues: Clues) -> Answer:
    # What was tried again is older than the try, so that no list around its moment has it.
    for provider_ref in filter(None, (clues.provider_ref, clues.payment_ref)):
        named = _by_id(client, reference, provider_ref)
        if named is not None:
            return named
    answer = ABSENT
    for look in _looks(clues):
        answer = look(client, reference, clues)
        if not answer.absent:
            return answer
    return answer


def _by_id(client: Client, reference: str, provider_ref: str) -> Answer | None:
    """None where the id leads to nothing of this reference."""
    if provider_ref.startswith("cs_"):
        heard = session(client, provider_ref)
    elif provider_ref.startswith("pi_"):
        heard = payment(client, provider_ref)
    else:
        return None
    if heard.missing or (heard.ok and _reference(heard.body) != reference):
        return None
    return _answer(heard, reference)


def _reference(body: Said) -> str | None:
    return body.get("client_reference_id") if body.get("object") == "checkout.session" else reference_of(body)


def _answer(heard: Heard, reference: str) -> Answer:
    shape = said.session if heard.body.get("object") == "checkout.session" else said.payment
    return said.read(heard, partial(shape, reference=reference))


def session(client: Client, session_ref: str) -> Heard:
    return client.hear(lambda stripe: stripe.checkout.sessions.retrieve(session_ref, {"expand": [*SESSION]}))


def payment(client: Client, payment_ref: str) -> Heard:
    return client.hear(lambda stripe: stripe.payment_intents.retrieve(payment_ref, {"expand": [*PAYMENT]}))


Look = Callable[[Client, str, Clues], Answer]


def _looks(clues: Clues) -> list[Look]:
    """A saved method is charged without a page; who pays on a page has a payment only afterwards."""
    return [_among_payments] if clues.customer_ref else [_among_sessions, _among_payments]


def _among_sessions(client: Client, reference: str, clues: Clues) -> Answer:
    there = listed_as(client, lambda stripe, params: stripe.checkout.sessions.list(params), reference, clues)
    return _answer(session(client, there), reference) if isinstance(there, str) else there


def _among_payments(client: Client, reference: str, clues: Clues) -> Answer:
    narrow = {"customer": clues.customer_ref} if clues.customer_ref else {}
    ask: Ask = lambda stripe, params: stripe.payment_intents.list({**params, **narrow})  # noqa: E731 - one of two
    there = listed_as(client, ask, reference, clues)
    return _answer(payment(client, there), reference) if isinstance(there, str) else there


def listed_as(client: Client, ask: Ask, reference: str, clues: Clues) -> str | Answer:
    """The id under which a list has our reference; or what it means that it was not there."""
    after = ""
    for _ in range(MOST_PAGES):
        page = one_page(client, ask, after, created_around(clues))
        if isinstance(page, Answer):
            return page
        objects, after = page
        for one in objects:
            if _reference(one) == reference:
                return str(one["id"])
        if not after:
            return ABSENT
    return Answer(Outcome.unknown, note=f"not among the newest {MOST_PAGES * PAGE}")


def created_around(clues: Clues) -> dict[str, Any]:
    if clues.sent_at is None:
        return {}
    first, last = clues.sent_at - BEFORE, clues.sent_at + AFTER
    return {"created": {"gte": int(first.timestamp()), "lte": int(last.timestamp())}}


def one_page(
    client: Client, ask: Ask, after: str, narrow: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str] | Answer:
    """Its objects, newest first, and what the next page follows on, "" for the last. An answer: nobody could tell."""
    params = {"limit": PAGE, **narrow, **({"starting_after": after} if after else {})}
    heard = client.hear(lambda stripe: ask(stripe, params))
    if not heard.ok:
        return Answer(Outcome.unknown, note=heard.note)
    objects, more = heard.body.get("data"), heard.body.get("has_more")
    if not isinstance(objects, list) or not all(map(_has_id, objects)) or type(more) is not bool:
        return Answer(Outcome.unknown, note=f"unreadable answer: {heard.request_id}")
    return objects, objects[-1]["id"] if more and objects else ""


def _has_id(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("id"), str) and bool(one["id"])
