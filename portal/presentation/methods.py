"""Payment methods in words: how each one is, and what became of the page on which one was to be saved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from portal.domain.method import PaymentMethod
from portal.domain.setup import MethodSetup
from portal.presentation.checkout import Label
from portal.presentation.declines import why_declined
from portal.presentation.language import N_, words

NEWS_FOR = timedelta(hours=1)
WARN_WITHIN = timedelta(days=30)  # of a card's last day

LABELS: Mapping[str, tuple[str, str]] = {
    "dead": ("bad", N_("The bank no longer accepts it")),
    "expired": ("warn", N_("Its expiry date has passed")),
    "used": ("good", N_("Used for renewals")),
    "spare": ("calm", N_("Not used")),
}

# What came of the last page on which a method was to be saved.
SETUPS: Mapping[str, tuple[str, str]] = {
    "unavailable": ("warn", N_("The payment system has not opened a page yet")),
    "unfinished": ("warn", N_("The card is not confirmed yet")),
    "saved": ("good", N_("The card is saved")),
    "failed": ("bad", N_("No card has been saved")),
}


def method_label(method: PaymentMethod, *, used: bool, refused: bool, now: datetime, locale: str) -> Label:
    """`refused`: the bank said never again when it was charged for a subscription that still hangs on it."""
    tone, text = LABELS[_case(method, used, refused or method.dead_at is not None, now)]
    return Label(tone, words(locale).gettext(text))


def expires(method: PaymentMethod) -> str:
    """12/34, as it stands on the card."""
    year, _, month = (method.expires or "").partition("-")
    return f"{month}/{year[2:]}" if month else ""


def expired(method: PaymentMethod, now: datetime) -> bool:
    """A card is good through the last day of its month."""
    return method.expires is not None and f"{now:%Y-%m}" > method.expires


def runs_out(method: PaymentMethod, now: datetime) -> datetime | None:
    """When its last day is over, from 30 days before; None: that is further off, or the card has no such day."""
    if method.expires is None:
        return None
    year, month = (int(part) for part in method.expires.split("-"))
    over = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return over if now >= over - WARN_WITHIN else None


def setup_stage(setup: MethodSetup | None, saved: PaymentMethod | None, now: datetime) -> str | None:
    """A key of SETUPS; None: nothing that would still be news. `saved` is the method it saved."""
    if setup is None:
        return None
    if setup.open:
        if now >= setup.expires_at:
            return None
        return "unfinished" if setup.redirect_url else "unavailable"
    if now - setup.modified_at > NEWS_FOR:
        return None
    if setup.state == "failed":
        return "failed"
    return "saved" if saved is not None and saved.removed_at is None else None


def setup_label(stage: str, locale: str) -> Label:
    tone, text = SETUPS[stage]
    return Label(tone, words(locale).gettext(text))


def why_not_saved(setup: MethodSetup, locale: str) -> str:
    code = setup.decline_code or ""
    if code == "not_saved" or code.startswith("checkout_"):
        return words(locale).gettext("The page was closed before a card was saved.")
    return why_declined(None, code, locale).why


def _case(method: PaymentMethod, used: bool, dead: bool, now: datetime) -> str:
    if dead:
        return "dead"
    if expired(method, now):
        return "expired"
    return "used" if used else "spare"
