"""What the sandbox payment system says, read into the port's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from portal.domain.errors import InvalidAmount
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, DisputeSeen, Listed, Listing, MoneyBack, RefundSeen, SavedMethod

WORD: Final = re.compile(r"[a-z0-9_]{1,40}")
NEVER_SENT: Final = -1  # no connection, so no request
NO_ANSWER: Final = 0
SAID: Final = frozenset({Outcome.succeeded, Outcome.failed, Outcome.requires_action, Outcome.pending})


@dataclass(frozen=True)
class Heard:
    """What came back: an HTTP status and the object in the body, empty where there was none to read."""

    status: int
    body: dict[str, Any]
    exception: str = ""

    @property
    def code(self) -> str | None:
        """The word of an error in the sandbox's own shape; anybody's proxy can say 404."""
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) and WORD.fullmatch(code) else None

    @property
    def proves_nothing_happened(self) -> bool:
        """It refused to begin. A key in use, or used with another body, says that an earlier request did begin."""
        if self.status in (NEVER_SENT, httpx.codes.TOO_MANY_REQUESTS):
            return True
        refused = httpx.codes.is_client_error(self.status) and self.status != httpx.codes.CONFLICT
        return refused and self.code not in (None, "idempotency_mismatch")

    @property
    def is_about_the_order(self) -> bool:
        """Refused for what it asks. A wrong key of ours, a wrong address or a queue may be put right meanwhile."""
        return self.status in (httpx.codes.BAD_REQUEST, httpx.codes.PAYMENT_REQUIRED, httpx.codes.UNPROCESSABLE_ENTITY)

    @property
    def note(self) -> str:
        return self.exception or " ".join(filter(None, (f"http {self.status}", self.code)))


def look(heard: Heard, reference: str) -> Answer:
    if heard.status != httpx.codes.OK:
        return Answer(Outcome.unknown, note=heard.note)
    try:
        return _answer(heard.body, reference)
    except (KeyError, TypeError, ValueError, InvalidAmount) as error:
        return Answer(Outcome.unknown, note=f"unreadable answer: {type(error).__name__}")


def _answer(said: dict[str, Any], reference: str) -> Answer:
    """Raises KeyError, TypeError, ValueError or InvalidAmount where it is not what the sandbox documents."""
    outcome = Outcome(said["state"])
    if said["reference"] != reference or outcome not in SAID:
        raise ValueError("not an answer about what we asked")
    decline = said["decline"]
    return Answer(
        outcome,
        provider_ref=_text(said["id"]),
        amount=Money(said["amount"], said["currency"]),
        redirect_url=_page(said.get("url")),
        method=_method(said.get("method")),
        decline=Decline(DeclineClass(decline["class"]), _text(decline["code"])) if outcome is Outcome.failed else None,
    )


def money_back(heard: Heard, reference: str) -> MoneyBack:
    """A payment that it does not know has nothing that could be taken back."""
    if heard.status == httpx.codes.NOT_FOUND and heard.code == "not_found":
        return MoneyBack(known=True, note=heard.note)
    if heard.status != httpx.codes.OK:
        return MoneyBack(known=False, note=heard.note)
    try:
        return _money_back(heard.body, reference)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidAmount) as error:
        return MoneyBack(known=False, note=f"unreadable answer: {type(error).__name__}")


def _money_back(said: dict[str, Any], reference: str) -> MoneyBack:
    """Raises what `_answer` raises, and AttributeError."""
    if said["reference"] != reference:
        raise ValueError("not an answer about what we asked")
    refunds = [
        RefundSeen(_text(one["reference"]), _answer(one, one["reference"]), _moment(one["created_at"]))
        for one in said["refunds"]
    ]
    return MoneyBack(True, tuple(refunds), tuple(_dispute(one) for one in said["disputes"]))


def listing(heard: Heard) -> Listing:
    if heard.status != httpx.codes.OK:
        return Listing(known=False, note=heard.note)
    try:
        objects = tuple(_listed(one) for one in heard.body["data"])
        after = heard.body["next"]
        return Listing(True, objects, _text(after) if after is not None else None)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Listing(known=False, note=f"unreadable answer: {type(error).__name__}")


def _listed(said: dict[str, Any]) -> Listed:
    reference, guid, payment, state = (_text(said[name]) for name in ("reference", "id", "payment", "state"))
    minor = said["amount"]
    if type(minor) is not int or minor < 0:
        raise TypeError("a sum is a whole number")
    return Listed(reference, guid, payment, state, minor, _text(said["currency"]))


def _dispute(said: dict[str, Any]) -> DisputeSeen:
    state = said["state"]
    if state not in ("open", "won", "lost"):
        raise ValueError("not a state of a dispute")
    amount = Money(said["amount"], said["currency"])
    if amount.minor <= 0:
        raise ValueError("a dispute over nothing")
    return DisputeSeen(_text(said["id"]), state, amount, _moment(said["opened_at"]))


def _moment(said: Any) -> datetime:
    moment = datetime.fromisoformat(_text(said))
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _method(said: dict[str, Any] | None) -> SavedMethod | None:
    if said is None:
        return None
    customer, method, kind, title = (_text(said[name]) for name in ("customer", "id", "kind", "title"))
    return SavedMethod(customer, method, kind, title, _text(said["expires"]) if said["expires"] is not None else None)


def _page(said: str | None) -> str | None:
    """An address a browser may be sent to: nothing but http and https."""
    if said is None:
        return None
    parts = urlsplit(_text(said))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("not a web address")
    return said


def _text(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise TypeError("a text was expected")
    return said
