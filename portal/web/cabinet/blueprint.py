"""Every page a customer can open, in one list."""

from __future__ import annotations

from flask import Blueprint

from portal.domain.errors import SubscriptionExists
from portal.web.cabinet import buy, frame, history, invoices, legal, overview, payments, plans, switch

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
page("/cabinet/history", "history", history.history)
page("/terms", "terms", legal.terms)
page("/privacy", "privacy", legal.privacy)
page("/language", "language", switch.language, methods=["POST"])

blueprint.app_context_processor(frame.frame)
blueprint.register_error_handler(SubscriptionExists, buy.taken)
