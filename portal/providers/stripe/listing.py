"""Everything Stripe has of us, a page at a time, newest first: what comes later stands before the first page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from portal.providers.port import Answer, Listable, Listed, Listing
from portal.providers.stripe import said
from portal.providers.stripe.client import Client
from portal.providers.stripe.finding import Ask, one_page
from portal.providers.stripe.said import UNREADABLE, Said


def listed(client: Client, what: Listable, after: str, since: datetime | None) -> Listing:
    ask, read = LISTS[what]
    page = one_page(client, ask, after, {"created": {"gte": int(since.timestamp())}} if since is not None else {})
    if isinstance(page, Answer):
        return Listing(known=False, note=page.note)
    try:
        objects = tuple(one for one in map(read, page[0]) if one is not None)
    except UNREADABLE as error:
        return Listing(known=False, note=f"unreadable answer: {type(error).__name__}")
    return Listing(True, objects, page[1] or None)


def _payment(body: Said) -> Listed | None:
    """An account may have other uses: a payment without a reference of ours is none of ours."""
    reference = said.reference_of(body)
    if reference is None:
        return None
    guid = said.text(body["id"])
    return Listed(reference, guid, guid, said.text(body["status"]), *_sum(body, "amount_received"))


def _refund(body: Said) -> Listed | None:
    if body["payment_intent"] is None:
        return None  # taken from something that was never a payment of ours
    guid, payment = said.text(body["id"]), said.text(body["payment_intent"])
    state = said.REFUNDS[body["status"]].value
    return Listed(said.reference_of(body) or guid, guid, payment, state, *_sum(body, "amount"))


def _dispute(body: Said) -> Listed | None:
    state = said.DISPUTES.get(said.text(body["status"]))
    if state is None or body["payment_intent"] is None:
        return None
    guid, payment = said.text(body["id"]), said.text(body["payment_intent"])
    return Listed(guid, guid, payment, state, *_sum(body, "amount"))


def _sum(body: Said, name: str) -> tuple[int, str]:
    minor = body[name]
    if type(minor) is not int or minor < 0:
        raise TypeError("a sum is a whole number")
    return minor, said.text(body["currency"]).upper()


LISTS: Final[Mapping[Listable, tuple[Ask, Callable[[dict[str, Any]], Listed | None]]]] = {
    "payments": (lambda stripe, params: stripe.payment_intents.list(params), _payment),
    "refunds": (lambda stripe, params: stripe.refunds.list(params), _refund),
    "disputes": (lambda stripe, params: stripe.disputes.list(params), _dispute),
}
