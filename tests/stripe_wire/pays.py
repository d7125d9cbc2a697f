"""What Stripe does when it is asked to: customers, pages, payments, refunds. Each in one transaction of the book."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, insert, select

from portal.demo.sandbox import methods, payments, refunds, tables, webhooks
from portal.demo.sandbox.cards import Challenge, decline
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.methods import Method
from portal.demo.sandbox.orders import RefundOrder
from portal.demo.sandbox.payments import Payment
from portal.domain.money import EXPONENTS
from portal.providers.stripe.amounts import SMALLEST
from tests.stripe_wire import tried
from tests.stripe_wire.errors import Refused, invalid_parameter, missing_parameter, no_such
from tests.stripe_wire.shapes import intent_status, session_status
from tests.stripe_wire.tables import customers, intents, sessions
from tests.stripe_wire.tried import REFERENCE, change

Given = dict[str, Any]
DETACHED: Final = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a"
    " connected account without Customer attachment, or was detached from a Customer. It may not be used again."
)


def customer(conn: Connection, now: datetime, given: Given) -> RowMapping:
    values = {"id": f"cus_{secrets.token_hex(12)}", "metadata": given.get("metadata", {}), "created_at": now}
    conn.execute(insert(customers).values(**values))
    return _customer(conn, values["id"], "id")


def _customer(conn: Connection, guid: str, param: str = "customer") -> RowMapping:
    row = conn.execute(select(customers).where(customers.c.id == guid)).mappings().first()
    if row is None:
        raise no_such("customer", guid, param)
    return row


def start(conn: Connection, now: datetime, given: Given, _: Fault | None) -> RowMapping:
    mode, setup = given.get("mode"), given.get("mode") == "setup"
    if mode not in ("payment", "setup"):
        raise invalid_parameter("mode", "this counterpart has no subscriptions: Stripe never renews anything for us")
    inner = f"{mode}_intent_data"
    _refuse_misfits(given, setup)
    currency = (given["currency"] if setup else given["line_items"][0]["price_data"]["currency"]).upper()
    expires_at = _closing_time(given, now)
    amount, description = (0, inner_description(given, inner)) if setup else _item(given, currency)
    data = given.get(inner, {})
    metadata = data.get("metadata", {})
    guid = f"cs_test_{secrets.token_urlsafe(24)}"
    about = _customer(conn, given["customer"])
    book = {"amount": amount, "currency": currency, "description": description, "user_id": about["id"]}
    book["save_method"] = setup or data.get("setup_future_usage") == "off_session"
    payment = tried.begin(conn, now, book, metadata, session_id=guid)
    values = {"id": guid, "customer": about["id"], "mode": mode, "metadata": given.get("metadata", {}), "inner": data}
    sums = {"amount": amount, "currency": currency, "description": description, "payment_id": payment.id}
    place = {"locale": given.get("locale", "en"), "success_url": given["success_url"], "expires_at": expires_at}
    reference = {"client_reference_id": given.get("client_reference_id"), "created_at": now}
    conn.execute(insert(sessions).values(**values, **sums, **place, **reference))
    _let_run_out(conn, guid, payment.id, given, expires_at)
    return tried.session(conn, guid)


def _refuse_misfits(given: Given, setup: bool) -> None:
    for name in ("customer", "success_url", *(["currency"] if setup else [])):
        if name not in given:
            raise missing_parameter(name)
    if setup and ("line_items" in given or "payment_intent_data" in given or "adaptive_pricing" in given):
        raise invalid_parameter("line_items", "nothing is sold in `setup` mode")
    if not setup and not given.get("line_items"):
        raise missing_parameter("line_items")
    if not given["success_url"].startswith(("http://", "https://")):
        raise invalid_parameter("success_url", "Not a valid URL", "url_invalid")


def inner_description(given: Given, inner: str) -> str:
    return str(given.get(inner, {}).get("description", ""))


def _closing_time(given: Given, now: datetime) -> datetime:
    """Within 30 minutes and 24 hours from now."""
    expires_at = datetime.fromtimestamp(given.get("expires_at", int(now.timestamp()) + 86_400), UTC)
    if not timedelta(minutes=30) <= expires_at - now <= timedelta(hours=24):
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise invalid_parameter("expires_at", message)
    return expires_at


def _item(given: Given, currency: str) -> tuple[int, str]:
    price = given["line_items"][0]["price_data"]
    return _charged(price["unit_amount"] * given["line_items"][0]["quantity"], currency), price["product_data"]["name"]


def _charged(amount: int, currency: str) -> int:
    if currency not in EXPONENTS:
        raise invalid_parameter("currency", f"Invalid currency: {currency.lower()}")
    if amount < SMALLEST[currency]:
        raise invalid_parameter("amount", "Amount must convert to at least 50 cents.", "amount_too_small")
    if EXPONENTS[currency] == 3 and amount % 10:
        raise invalid_parameter("amount", "the last digit of three decimals must be 0", "parameter_invalid_integer")
    return amount


def _let_run_out(conn: Connection, guid: str, payment_id: str, given: Given, expires_at: datetime) -> None:
    """The book's own row of a page: when its time is over, its payment fails by itself."""
    place = {"token": guid, "payment_id": payment_id, "reference": None, "locale": given.get("locale", "en")}
    conn.execute(insert(tables.checkouts).values(**place, return_url=given["success_url"], expires_at=expires_at))


def expire(conn: Connection, now: datetime, guid: str) -> RowMapping:
    row = tried.session(conn, guid)
    payment = payments.get(conn, row["payment_id"])
    if session_status(payment) != "open":
        raise Refused(400, None, "Only Checkout Sessions with a status in ['open'] can be expired.")
    payments.fail(conn, now, payment, decline("checkout_closed"))
    return tried.session(conn, guid)


def create(conn: Connection, now: datetime, given: Given, twist: Fault | None) -> RowMapping:
    currency = given["currency"].upper()
    amount = _charged(given["amount"], currency)
    if not (given.get("confirm") and given.get("off_session")):
        raise invalid_parameter("confirm", "this counterpart only makes payments of absent customers")
    method = _method(conn, given)
    guid, metadata = f"pi_{secrets.token_hex(12)}", given.get("metadata", {})
    values = {"id": guid, "customer": given["customer"], "amount": amount, "currency": currency, "created_at": now}
    shown = {"description": given.get("description", ""), "metadata": metadata, "return_url": given.get("return_url")}
    row = {**values, **shown, "setup_future_usage": given.get("setup_future_usage"), "method_id": method.id}
    payment = _begin(conn, now, row, method)
    conn.execute(insert(intents).values(**row, payment_id=payment.id, asking=False, canceled=False))
    _try(conn, now, payment, method, twist)
    return tried.intent(conn, guid)


def _method(conn: Connection, given: Given) -> Method:
    _customer(conn, given.get("customer", ""))
    method = methods.get(conn, given.get("payment_method", ""))
    if method is None:
        raise no_such("PaymentMethod", given.get("payment_method", ""), "payment_method")
    if method.detached_at is not None:
        raise Refused(400, None, DETACHED)
    if method.user_id != given["customer"]:
        message = f"The customer does not have a payment method with the ID {method.id}."
        raise invalid_parameter("payment_method", f"{message} The payment method must be attached to the customer.")
    return method


def _begin(conn: Connection, now: datetime, intent: Given | RowMapping, method: Method) -> Payment:
    book = {name: intent[name] for name in ("amount", "currency", "description")}
    card = {"user_id": method.user_id, "card": method.card, "card_expires": method.expires, "method_id": method.id}
    return tried.begin(conn, now, {**book, **card, "save_method": False}, intent["metadata"], intent_id=intent["id"])


def _try(conn: Connection, now: datetime, payment: Payment, method: Method, twist: Fault | None) -> None:
    payments.try_card(conn, now, payment, method.verdict(now), twist)


def update(conn: Connection, now: datetime, guid: str, given: Given) -> RowMapping:
    row = tried.intent(conn, guid)
    change(conn, intents, guid, metadata={**row["metadata"], **given.get("metadata", {})})
    return tried.intent(conn, guid)


def confirm(conn: Connection, now: datetime, guid: str, given: Given, twist: Fault | None) -> RowMapping:
    """Tried again: with its customer away, or with them here, and then their bank may ask on a page."""
    row = tried.intent(conn, guid)
    payment = payments.get(conn, row["payment_id"])
    if intent_status(row, payment) != "requires_payment_method":
        raise unexpected(row, payment)
    method = _method(conn, {"customer": row["customer"], **given})
    if given.get("off_session"):
        if payment.is_open:
            payments.fail(conn, now, payment, decline("authentication_failed"))
        payment = _begin(conn, now, row, method)
        change(conn, intents, guid, payment_id=payment.id, asking=False, method_id=method.id)
        _try(conn, now, payment, method, twist)
        return tried.intent(conn, guid)
    change(conn, intents, guid, return_url=given.get("return_url"))
    if payment.is_open and isinstance(method.verdict(now), Challenge):
        change(conn, intents, guid, asking=True)
        payments.ask_customer(conn, now, payment)
    else:
        _try(conn, now, payment, method, twist)
    return tried.intent(conn, guid)


def unexpected(row: RowMapping, payment: Payment) -> Refused:
    message = f"This PaymentIntent's status is {intent_status(row, payment)}, and that cannot be done to it."
    return Refused(400, "payment_intent_unexpected_state", message)


def cancel(conn: Connection, now: datetime, guid: str) -> RowMapping:
    row = tried.intent(conn, guid)
    payment = payments.get(conn, row["payment_id"])
    if intent_status(row, payment) not in ("requires_action", "requires_payment_method"):
        raise unexpected(row, payment)
    change(conn, intents, guid, canceled=True)
    payments.fail(conn, now, payment, decline("checkout_closed"))
    return tried.intent(conn, guid)


def refund(conn: Connection, now: datetime, given: Given, twist: Fault | None) -> refunds.Refund:
    row = tried.intent(conn, given.get("payment_intent", ""), "payment_intent_of_refund")
    payment = payments.get(conn, row["payment_id"])
    reference = given.get("metadata", {}).get(REFERENCE, f"dashboard:{secrets.token_hex(8)}")
    amount = given.get("amount", payment.taken or 0)
    order = RefundOrder(reference=reference, payment=payment.id, amount=amount, currency=payment.currency)
    made = refunds.refund(conn, now, order, twist)
    if made.state == "pending":
        webhooks.announce(conn, now, "refund.created", refunds.as_json(made))
    return made


def saved_method(conn: Connection, guid: str) -> Method:
    found = methods.get(conn, guid)
    if found is None:
        raise no_such("PaymentMethod", guid)
    return found


def detach(conn: Connection, now: datetime, guid: str) -> str:
    if saved_method(conn, guid).detached_at is not None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise Refused(400, None, message)
    methods.detach(conn, now, guid)
    webhooks.announce(conn, now, "method.detached", {"object": "method", "id": guid, "reference": guid})
    return guid
