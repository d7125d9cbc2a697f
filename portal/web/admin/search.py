"""The one search box: an exact hit opens, several are listed, none says what can be searched for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

from flask import redirect, request, url_for
from flask_admin import expose
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.ids import first_id
from portal.domain.payment import payment_id_of
from portal.domain.refund import refund_id_of
from portal.queries.office import search as queries
from portal.queries.office.search import Hit
from portal.web.admin import lists
from portal.web.admin.screen import Screen, needs

LONGEST = 320  # an e-mail's
DIGITS = re.compile(r"[0-9]{4}", re.ASCII)
DAY = re.compile(
    r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})|(?P<d2>[0-9]{1,2})\.(?P<m2>[0-9]{1,2})\.(?P<y2>[0-9]{4})",
    re.ASCII,
)
KINDS = {
    "customer": lazy_gettext("Customer"),
    "subscription": lazy_gettext("Subscription"),
    "invoice": lazy_gettext("Invoice"),
    "payment": lazy_gettext("Payment"),
    "refund": lazy_gettext("Refund"),
    "plan": lazy_gettext("Plan"),
    "event": lazy_gettext("Event"),
    "webhook": lazy_gettext("Webhook"),
    "method": lazy_gettext("Payment method"),
}
PAGES: dict[str, Callable[[Hit], str]] = {
    "customer": lambda hit: url_for("customers.customer", id=hit.user_id),
    "subscription": lambda hit: url_for("subscriptions.subscription", guid=hit.id),
    "invoice": lambda hit: url_for("invoices.invoice", guid=hit.id),
    "payment": lambda hit: url_for("payments.payment", guid=hit.id),
    "refund": lambda hit: url_for("refunds.refund", guid=hit.id),
    "plan": lambda hit: url_for("plans.plan", guid=hit.id),
    "event": lambda hit: url_for("outbox.event", seq=hit.seq),
    "webhook": lambda hit: url_for("inbox.webhook", seq=hit.seq),
    "method": lambda hit: url_for("customers.customer", id=hit.user_id),
}


class Search(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Search"), endpoint="search")

    def is_visible(self) -> bool:
        """Its box stands above every page."""
        return False

    @expose("/")
    @needs("see")
    def index(self) -> str | Response:
        typed = " ".join(request.args.get("q", "").split())
        pages = {PAGES[hit.kind](hit): hit for hit in find(typed)}
        if len(pages) == 1:
            return redirect(next(iter(pages)), 303)
        back = urlencode({"back": lists.here()})
        return self.render(
            "admin/search.html",
            asked_for=typed[:LONGEST] if typed.isprintable() else "",
            hits=[(hit, KINDS[hit.kind], f"{page}{'&' if '?' in page else '?'}{back}") for page, hit in pages.items()],
            most=queries.MOST,
        )


def find(typed: str) -> list[Hit]:
    """Two statements at the most. What none of our things is called asks nobody."""
    if not typed or len(typed) > LONGEST or not typed.isprintable():
        return []
    card = _card(typed)
    if card is not None:
        digits, day = card
        return queries.by_card(digits, first_id(lists.midnight(day)), first_id(lists.midnight(day + timedelta(days=1))))
    guid = payment_id_of(typed) or refund_id_of(typed) or _guid(typed)
    found = queries.by_words(typed, list(runtime.providers))
    return found + (queries.by_id(guid) if guid else [])


def _card(typed: str) -> tuple[str, date] | None:
    """`4242 2026-11-20`, `20.11.2026 4242`: the last digits of a card and the day it was paid with."""
    words = typed.split(" ")
    if len(words) != 2:
        return None
    for digits, written in (words, reversed(words)):
        day = _day(written)
        if day is not None and DIGITS.fullmatch(digits):
            return digits, day
    return None


def _day(written: str) -> date | None:
    found = DAY.fullmatch(written)
    if found is None:
        return None
    year, month, day = (int(found[name] or found[f"{name}2"]) for name in "ymd")
    try:
        return date(year, month, day) if 2000 <= year <= 2200 else None
    except ValueError:
        return None


def _guid(typed: str) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        return None
