"""Every page a customer can open, in one list."""

from __future__ import annotations

from flask import Blueprint

from portal.domain.errors import SubscriptionExists
from portal.web.cabinet import (
    buy,
    cancel,
    changing,
    data,
    frame,
    history,
    invoices,
    leave,
    legal,
    methods,
    overview,
    payments,
    plans,
    receipts,
    refunds,
    switch,
    theme,
    unrecognised,
)

blueprint = Blueprint("cabinet", __name__)
page = blueprint.add_url_rule

page("/", "plans", plans.plans)
page("/buy/<code>", "check", buy.check, methods=["GET", "POST"])
page("/payments/<uuid:guid>", "payment", payments.payment)
page("/payments/<uuid:guid>/state", "payment_state", payments.state)
page("/payments/<uuid:guid>/check", "payment_check", payments.check, methods=["POST"])
page("/payments/<uuid:guid>/retry", "payment_retry", payments.retry, methods=["POST"])
page("/cabinet", "overview", overview.overview)
page("/cabinet/invoices", "invoices", invoices.invoices)
page("/cabinet/invoices/<uuid:guid>", "invoice", invoices.invoice)
page("/cabinet/invoices/<uuid:guid>/close", "invoice_close", invoices.close, methods=["POST"])
page("/cabinet/invoices/<uuid:guid>/refund", "refund", refunds.refund, methods=["GET", "POST"])
page("/cabinet/invoices/<uuid:guid>/unrecognised", "unrecognised", unrecognised.unrecognised)
page("/cabinet/invoices/<uuid:guid>/receipt", "receipt", receipts.receipt)
page("/cabinet/invoices/<uuid:guid>/receipt.pdf", "receipt_pdf", receipts.receipt_pdf)
page("/cabinet/refunds/<uuid:guid>", "refund_state", refunds.refund_state)
page("/cabinet/subscriptions/<uuid:guid>/cancel", "cancel", cancel.cancel, methods=["GET", "POST"])
page("/cabinet/subscriptions/<uuid:guid>/cancel/reason", "cancel_reason", cancel.reason, methods=["POST"])
page("/cabinet/subscriptions/<uuid:guid>/change", "change", changing.change, methods=["GET", "POST"])
page("/cabinet/subscriptions/<uuid:guid>/change/undo", "change_undo", changing.undo, methods=["POST"])
page("/cabinet/subscriptions/<uuid:guid>/resume", "resume", cancel.resume, methods=["POST"])
page("/cabinet/methods", "methods", methods.methods)
page("/cabinet/methods/state", "methods_state", methods.state)
page("/cabinet/methods/check", "methods_check", methods.check, methods=["POST"])
page("/cabinet/methods/add", "method_add", methods.add, methods=["GET", "POST"])
page("/cabinet/methods/<uuid:guid>/use", "method_use", methods.use, methods=["POST"])
page("/cabinet/methods/<uuid:guid>/remove", "method_remove", methods.remove, methods=["GET", "POST"])
page("/cabinet/history", "history", history.history)
page("/cabinet/data", "data", data.data)
page("/cabinet/data/export", "data_export", data.export)
page("/cabinet/data/erase", "data_erase", data.erase, methods=["GET", "POST"])
page("/cancel", "leave", leave.leave, methods=["GET", "POST"])
page("/cancel/<token>", "left", leave.left)
page("/unrecognised", "unknown_charge", unrecognised.unknown_charge)
page("/terms", "terms", legal.terms)
page("/privacy", "privacy", legal.privacy)
page("/language", "language", switch.language, methods=["POST"])
page("/theme", "theme", theme.theme, methods=["POST"])

blueprint.app_context_processor(frame.frame)
blueprint.register_error_handler(SubscriptionExists, buy.taken)
