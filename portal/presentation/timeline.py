"""Everything about one customer as lines: when, what, who, and the record that each line comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.consent import Consent
from portal.presentation import operators
from portal.presentation.happened import happened
from portal.presentation.language import N_, words
from portal.queries.history import HistoryEntry
from portal.queries.office.history import HistoryLine
from portal.queries.office.timeline import Deed, Entry, Event, Webhook


@dataclass(frozen=True)
class Line:
    at: datetime
    due_at: datetime | None  # when it should have been done, where that was another moment
    source: str
    tone: str
    text: str
    detail: str
    who: str
    subject: tuple[str, UUID] | None  # what it is about: subscription, invoice, payment or refund
    record: tuple[str, Any]  # the source, and what its row is found by


# By the filter's value.
SOURCES: Mapping[str, str] = {
    "subscription": N_("Subscription"),
    "invoice": N_("Invoice"),
    "payment": N_("Payment"),
    "refund": N_("Refund"),
    "dispute": N_("Dispute"),
    "webhook": N_("Webhook"),
    "event": N_("Event to others"),
    "act": N_("Act of an operator"),
    "consent": N_("Consent"),
}

# By state: tone and sentence.
WEBHOOKS: Mapping[str, tuple[str, str]] = {
    "received": ("calm", N_("Webhook %(kind)s came in and is not applied yet.")),
    "processed": ("calm", N_("Webhook %(kind)s came in and was applied.")),
    "ignored": ("calm", N_("Webhook %(kind)s came in and concerns nothing of ours.")),
    "dead": ("bad", N_("Webhook %(kind)s came in and could not be applied.")),
}
SENT = N_("Event %(type)s was sent, version %(version)s.")
WAITING = N_("Event %(type)s waits to be sent, version %(version)s.")

# By kind, and whether it was given or taken back.
CONSENTS: Mapping[tuple[str, bool], str] = {
    ("terms", True): N_("Agreed to the terms, version %(version)s."),
    ("terms", False): N_("Took back the consent to the terms, version %(version)s."),
    ("personal_data", True): N_("Agreed to the processing of personal data, version %(version)s."),
    ("personal_data", False): N_("Took back the consent to the processing of personal data, version %(version)s."),
    ("renewal", True): N_("Agreed to be charged for renewals, version %(version)s."),
    ("renewal", False): N_("Took back the consent to be charged for renewals, version %(version)s."),
}


def line(entry: Entry, locale: str, zone: str) -> Line:
    match entry.record:
        case HistoryLine() as told:
            return history_line(told, locale, zone)
        case Webhook() as webhook:
            return _webhook(webhook, locale)
        case Event() as event:
            return _event(event, locale)
        case Deed() as deed:
            return _deed(deed, locale)
        case Consent() as consent:
            return _consent(consent, locale)


def history_line(told: HistoryLine, locale: str, zone: str) -> Line:
    entry = told.entry
    tone, text = happened(entry, locale, zone)
    late = entry.due_at if entry.due_at != entry.at else None
    known = entry.kind in SOURCES
    return Line(
        at=entry.at,
        due_at=late,
        source=source(entry.kind, locale),
        tone=tone,
        text=text,
        detail="",
        who=operators.actor(told.actor, locale),
        subject=_subject(entry) if known else None,
        record=("history", entry.seq),
    )


def _subject(entry: HistoryEntry) -> tuple[str, UUID]:
    """A dispute is shown with its payment."""
    if entry.kind == "dispute":
        return "payment", UUID(entry.facts["payment_id"])
    return entry.kind, entry.subject_id


def consent_text(consent: Consent, locale: str) -> str:
    return words(locale).gettext(CONSENTS[consent.kind, consent.given]) % {"version": consent.text_version}


def source(name: str, locale: str) -> str:
    return operators.say(SOURCES, name, locale)


def _webhook(webhook: Webhook, locale: str) -> Line:
    tone, text = WEBHOOKS[webhook.state]
    return Line(
        at=webhook.received_at,
        due_at=None,
        source=source("webhook", locale),
        tone=tone,
        text=words(locale).gettext(text) % {"kind": webhook.kind},
        detail=webhook.outcome or "",
        who=operators.actor(f"provider:{webhook.provider}", locale),
        subject=None,
        record=("webhook", webhook.seq),
    )


def _event(event: Event, locale: str) -> Line:
    text = SENT if event.published_at else WAITING
    return Line(
        at=event.created_at,
        due_at=None,
        source=source("event", locale),
        tone="calm" if event.published_at else "warn",
        text=words(locale).gettext(text) % {"type": event.type, "version": event.version},
        detail="",
        who=operators.actor("worker", locale),
        subject=None,
        record=("event", event.seq),
    )


def _deed(deed: Deed, locale: str) -> Line:
    outcome = operators.outcome(deed.outcome, locale)
    done = operators.say(operators.ACTS, deed.act, locale)
    reason = operators.say({**operators.GIVING, **operators.REFUSING}, deed.reason, locale)
    return Line(
        at=deed.at,
        due_at=None,
        source=source("act", locale),
        tone="calm" if deed.outcome == "done" else outcome.tone,
        text=done if deed.outcome == "done" else f"{done} — {outcome.text}",
        detail=" · ".join(part for part in (reason, deed.note) if part),
        who=operators.actor(f"operator:{deed.operator}", locale),
        subject=None,
        record=("act", deed.seq),
    )


def _consent(consent: Consent, locale: str) -> Line:
    return Line(
        at=consent.at,
        due_at=None,
        source=source("consent", locale),
        tone="calm",
        text=consent_text(consent, locale),
        detail="",
        who=operators.actor(f"user:{consent.user_id}", locale),
        subject=None,
        record=("consent", consent.id),
    )
