"""What the sum of a payment was reckoned from, as far as its row knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.domain.calendar import zone_or
from portal.domain.payment import Payment
from portal.presentation.dates import moment
from portal.presentation.language import N_, words
from portal.presentation.office_money import INVOICE_REASONS
from portal.presentation.operators import say

PRICE_ROW = N_("Price row")


@dataclass(frozen=True)
class Fact:
    name: str
    text: str
    exact: bool = False  # an id, to be copied


def reckoned(payment: Payment, locale: str, zone: str) -> list[Fact]:
    gettext, why = words(locale).gettext, payment.why
    found = [(N_("Charged for"), say(INVOICE_REASONS, _text(why, "reason"), locale))]
    if (count := why.get("count")) is not None:
        found.append((N_("Intervals bought"), str(count)))
    found.append((PRICE_ROW, _text(why, "price_id") or ""))
    if anchor := _moment(_text(why, "anchor")):
        of_subscription = zone_or(zone, _text(why, "zone"))
        found.append((N_("Intervals are counted from"), moment(anchor, locale, of_subscription)))
    elif "anchor" in why and why["anchor"] is None:
        found.append((N_("Intervals are counted from"), gettext("the moment of this payment: it is the first")))
    if (steps := why.get("steps")) is not None:
        found.append((N_("Intervals used before it"), str(steps)))
    found.append((N_("Time zone of the subscription"), _text(why, "zone") or ""))
    if (declines := why.get("declines")) is not None:
        found.append((N_("Declined tries before it"), str(declines)))
    return [Fact(gettext(name), text, exact=name == PRICE_ROW) for name, text in found if text]


def _text(why: Mapping[str, object], name: str) -> str | None:
    value = why.get(name)
    return value if isinstance(value, str) else None


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
