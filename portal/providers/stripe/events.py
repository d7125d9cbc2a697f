"""What a webhook is about. Its content is a hint where to look: nothing of what it claims is believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from portal.providers.port import Notice
from portal.providers.stripe.said import Said, reference_of

About = tuple[str | None, str | None]  # our reference, Stripe's id of the payment that money was taken back from
NOTHING_OF_OURS: Final[About] = (None, None)


def read(body: bytes) -> Notice:
    said = event(body)
    event_id, kind = said.get("id"), said.get("type")
    if not (isinstance(event_id, str) and event_id and isinstance(kind, str)):
        return Notice(f"unreadable:{hashlib.sha256(body).hexdigest()[:32]}", "unreadable", None)
    data = said.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    reference, payment = _handler(kind)(about) if isinstance(about, dict) else NOTHING_OF_OURS
    return Notice(event_id, kind, reference, payment)


def event(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, or an empty one: what cannot be read says nothing."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _handler(kind: str) -> Callable[[Said], About]:
    return next((handle for prefix, handle in HANDLERS.items() if kind.startswith(prefix)), _nothing)


def _nothing(about: Said) -> About:
    return NOTHING_OF_OURS


def _session(about: Said) -> About:
    return reference_of(about), None


def _intent(about: Said) -> About:
    return reference_of(about), None


def _charge(about: Said) -> About:
    """Refunded, by us or by hand: everything that was taken back of its payment is looked at."""
    return reference_of(about), _id(about.get("payment_intent"))


def _refund(about: Said) -> About:
    return reference_of(about), _id(about.get("payment_intent"))


def _dispute(about: Said) -> About:
    return None, _id(about.get("payment_intent"))


def _id(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None


# The longer names stand first.
HANDLERS: Final[Mapping[str, Callable[[Said], About]]] = {
    "charge.dispute.": _dispute,
    "charge.refund.": _refund,
    "charge.refunded": _charge,
    "checkout.session.": _session,
    "payment_intent.": _intent,
    "refund.": _refund,
    "setup_intent.": _intent,
}
