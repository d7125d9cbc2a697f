"""What it means that Stripe did, or would not do, what was to create something."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer
from portal.providers.stripe.client import Heard
from portal.providers.stripe.declines import DETACHED, decline, names_no_method
from portal.providers.stripe.said import Said, read

ABOUT_THE_ORDER = (httpx.codes.BAD_REQUEST, httpx.codes.PAYMENT_REQUIRED, httpx.codes.NOT_FOUND)
OURS_TO_MEND = frozenset({"balance_insufficient", "rate_limit", "lock_timeout"})


def created(heard: Heard, as_answer: Callable[[Said], Answer], refused: DeclineClass = DeclineClass.gateway) -> Answer:
    """`refused`: what it means that Stripe will not do this, however often it is asked."""
    if not heard.proves_nothing_happened:
        return read(heard, as_answer)
    if heard.error.get("type") == "card_error":
        return Answer(Outcome.failed, decline=decline(heard.error), note=heard.note)
    if names_no_method(heard.error):
        return Answer(Outcome.failed, decline=DETACHED, note=heard.note)
    for_good = heard.status in ABOUT_THE_ORDER and heard.word not in OURS_TO_MEND
    kind = refused if for_good else DeclineClass.gateway
    return Answer(Outcome.failed, decline=Decline(kind, heard.word), note=heard.note)
