"""The audit: when it ran, what it found, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal.queries.office import audits
from portal.queries.office.audits import Finding
from portal.web.admin.screen import Screen, needs

# The page of what a finding names: its endpoint, and how the address calls it.
PAGES: Mapping[str, tuple[str, str]] = {
    "subscription_id": ("subscriptions.subscription", "guid"),
    "invoice_id": ("invoices.invoice", "guid"),
    "payment_id": ("payments.payment", "guid"),
    "refund_id": ("refunds.refund", "guid"),
    "plan_id": ("plans.plan", "guid"),
    "user_id": ("customers.customer", "id"),
    "event": ("outbox.event", "seq"),
    "webhook": ("inbox.webhook", "seq"),
}
KINDS = ("subscription", "invoice", "payment", "refund")


class Audits(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Audit"), endpoint="audit")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        runs = audits.runs()
        last = audits.last_checked(runs)
        return self.render(
            "admin/audit.html",
            runs=runs,
            last=last,
            findings=[(one, _told(one)) for one in (audits.findings(last) if last else ())],
        )


def _told(finding: Finding) -> dict[str, Any]:
    """The sentences in the reader's language, and each id with the address of its page."""
    return {
        "what": gettext(finding.what),
        "todo": gettext(finding.todo),
        "ids": [(name, value, _page(name, value, finding)) for name, value in finding.ids.items()],
    }


def _page(name: str, value: str, finding: Finding) -> str | None:
    if name == "subject_id" and finding.ids.get("kind") in KINDS:
        name = f"{finding.ids['kind']}_id"
    if name not in PAGES:
        return None
    endpoint, argument = PAGES[name]
    return url_for(endpoint, **{argument: value})  # type: ignore[arg-type]  # a part of the address
