"""Invoices: everybody's, and each with its payments, its refunds, what was told of it and its story."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal.domain.plan import Plan
from portal.presentation import office_money, operators
from portal.presentation.checkout import invoice_label
from portal.presentation.language import in_language
from portal.queries.office import invoices as queries
from portal.queries.office.invoices import InvoiceFile
from portal.queries.office.plans import names
from portal.web.admin import lists, shown
from portal.web.admin.lists import Choice, Days, Filter, Text
from portal.web.admin.messages import EVENTS
from portal.web.admin.screen import Screen, found, needs
from portal.web.locale import language

# What became of the events that tell others of an invoice.
SENT = {
    True: ("good", lazy_gettext("Sent")),
    False: ("warn", lazy_gettext("Waits to be sent")),
    None: ("calm", lazy_gettext("Nothing to send")),
}


class Invoices(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Invoices"), endpoint="invoices")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        plans = {plan.code: plan for plan in names().values()}
        asked = lists.read(_filters(plans))
        plan, (since, until) = plans.get(asked.get("plan") or ""), asked.ids()
        page = queries.listed(
            asked.window,
            state=asked.get("state"),
            reason=asked.get("reason"),
            plan_id=plan.id if plan else None,
            sent=asked.get("sent"),
            customer=asked.get("user"),
            since=since,
            until=until,
        )
        sent = queries.sent_to_queue(row.id for row in page.rows)
        return self.render(
            "admin/invoices.html",
            page=page,
            asked=asked,
            lines=[
                (row, invoice_label(row.state, row.fail_reason, language()), SENT[sent.get(row.id)])
                for row in page.rows
            ],
            reasons=operators.said(office_money.INVOICE_REASONS, language()),
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>")
    @needs("see")
    def invoice(self, guid: UUID) -> str:
        file: InvoiceFile = found(queries.find(guid))
        return self.render(
            "admin/invoice.html",
            file=file,
            label=invoice_label(file.invoice.state, file.invoice.fail_reason, language()),
            reason=operators.say(office_money.INVOICE_REASONS, file.invoice.reason, language()),
            sent=SENT[file.sent],
            payments=[shown.payment_told(payment) for payment in file.payments],
            refunds=[shown.refund_told(refund) for refund in file.refunds],
            disputes=[shown.dispute_told(dispute) for dispute in file.disputes],
            events=EVENTS,
            records=shown.told(file.records),
            raw=shown.raw(file.invoice),
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )


def _filters(plans: Mapping[str, Plan]) -> tuple[Filter, ...]:
    return (
        Choice("state", gettext("State"), office_money.invoice_states(language())),
        Choice("reason", gettext("Reason"), operators.said(office_money.INVOICE_REASONS, language())),
        Choice("plan", gettext("Plan"), {code: _name(plan) for code, plan in plans.items()}),
        Choice("sent", gettext("Events"), {"waiting": gettext("Waiting to be sent"), "sent": gettext("Sent")}),
        Days(gettext("Issued")),
        Text("user", gettext("Customer's id or e-mail")),
    )


def _name(plan: Plan) -> str:
    return f"{in_language(plan.names, language())} ({plan.code})"
