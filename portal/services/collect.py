"""The one door out, the only code that asks for money: intent in a transaction, the call in none, then settle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, end_reads
from portal.domain.asking import IN_FLIGHT, may_resend, next_check
from portal.domain.change import Change, Move, Write
from portal.domain.errors import InvoiceNotPayable, PaymentInProgress, ProviderUnavailable
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment, intent
from portal.domain.subscription import Subscription
from portal.domain.user import User
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.user import UserRow
from portal.providers.port import Answer, ChargeOrder, CheckoutOrder
from portal.services import clues, journal, methods, standing
from portal.services.ask import ask
from portal.services.settle import of_both, settle

RETRY_AFTER = timedelta(seconds=5)


def open_checkout(invoice_id: UUID) -> str:
    """The address of the hosted page for an invoice. The same open invoice gives the same page.

    Raises InvoiceNotPayable, PaymentInProgress, ProviderUnavailable.
    """
    _refuse_switched_off(invoice_id)
    _ask_first(invoice_id)
    invoice, payment = _intend(invoice_id)
    if payment.redirect_url is None and _was_lost(payment):
        ask(payment.id)  # perhaps the page was made, and only the answer got lost
        invoice, payment = _intend(invoice_id)
    if payment.redirect_url is None:
        failpoints.reached("checkout.intended")
        answer = _start(invoice, payment)
        failpoints.reached("checkout.answered")
        settle(payment.id, answer)
        failpoints.reached("checkout.settled")
        payment = _read(payment.id)
    if payment.state == "requires_action" and payment.redirect_url is not None:
        return payment.redirect_url
    raise ProviderUnavailable("no hosted page was opened", invoice_id=invoice_id, retry_after=RETRY_AFTER)


def _refuse_switched_off(invoice_id: UUID) -> None:
    """Nobody is sent to a page of which we would never hear again."""
    invoice = rows.find(Invoice, InvoiceRow.id == invoice_id)
    if invoice is not None and invoice.provider not in runtime.providers:
        raise ProviderUnavailable(f"{invoice.provider} is switched off", invoice_id=invoice_id)


def _ask_first(invoice_id: UUID) -> None:
    """Before anything else is tried: what became of the charge, or of the payment that the bank still thinks about?"""
    payment = rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state.in_(("unknown", "pending")))
    if payment is not None and (payment.kind == "charge" or payment.state == "pending"):
        ask(payment.id)


def ask_about_open(subscription_id: UUID) -> None:
    """The same for whatever of a subscription is under way."""
    under_way = PaymentRow.subscription_id == subscription_id, PaymentRow.state.in_(("unknown", "pending"))
    for payment in rows.find_all(Payment, *under_way):
        ask(payment.id)


def close_checkout(payment_id: UUID) -> None:
    """Close the hosted page, so that it can no longer be paid; where it was paid meanwhile, that is settled."""
    payment = _read(payment_id)
    known = clues.of_payment(payment)
    end_reads()
    answer = runtime.providers[payment.provider].close_checkout(payment.reference, known)
    failpoints.reached("checkout.closed")
    settle(payment_id, answer)


def charge(payment_id: UUID) -> None:
    """Charge a saved method for a payment whose intent is written, unless something forbids it by now."""
    _charge(_stamp(payment_id, "created"))


def charge_again(payment_id: UUID) -> None:
    """For a payment that was sent and that the provider does not know: the same key, while it is still the same key."""
    _charge(_stamp(payment_id, "unknown"), again=True)


def _charge(stamped: tuple[Payment, PaymentMethod] | None, *, again: bool = False) -> None:
    if stamped is None:
        return
    payment, method = stamped
    order = _charge_order(payment, method)
    end_reads()
    failpoints.reached("charge.stamped")
    answer = runtime.providers[payment.provider].charge(order)
    failpoints.reached("charge.answered")
    settle(payment.id, of_both(answer) if again else answer)
    failpoints.reached("charge.settled")


def _stamp(payment_id: UUID, state: str) -> tuple[Payment, PaymentMethod] | None:
    """Right before the call: does everything still stand? A refusal that committed a moment earlier wins."""
    now = runtime.clock.now()
    with atomic():
        subscription, invoice, payment = standing.lock_payment(payment_id)
        if payment.kind != "charge" or payment.state != state or not may_resend(payment.sent_at, now):
            return None  # somebody else has it in hand, or its key is too old
        method = methods.chargeable(payment.payment_method_id, payment.user_id)
        if method is None or not invoice.payable or not _wanted(subscription, invoice):
            if state == "created":
                journal.record([_sending(payment, invoice, Move(payment, "aborted", {"next_check_at": None}), now)])
            return None  # sent before, it perhaps happened: only questions from here on
        # Sent again, it is asked about when it would have been anyway: the questions must not start from the first.
        asked_at = next_check(now, 0) if state == "created" else payment.next_check_at
        facts = {"sent_at": payment.sent_at or now, "next_check_at": asked_at}
        journal.record([_sending(payment, invoice, Move(payment, "sent", facts), now)])
        return payment, method


def _sending(payment: Payment, invoice: Invoice, move: Move, now: datetime) -> Change:
    return Change(payment.user_id, now, "worker", (move,), reason=invoice.reason, invoice_id=invoice.id)


def _wanted(subscription: Subscription, invoice: Invoice) -> bool:
    """What a customer has just agreed to pay needs no renewal to be switched on."""
    agreed = subscription.auto_renew or invoice.reason == "plan_change"
    return subscription.live and agreed and subscription.parked_at is None and subscription.disputed_at is None


def _charge_order(payment: Payment, method: PaymentMethod) -> ChargeOrder:
    invoice = rows.find(Invoice, InvoiceRow.id == payment.invoice_id)
    assert invoice is not None  # noqa: S101 - a foreign key holds it
    locale = _locale(payment.user_id)
    plan = standing.plan_of(invoice.plan_id)
    before = clues.payment_tried_before(payment)
    end_reads()
    return ChargeOrder(
        reference=payment.reference,
        amount=payment.amount,
        description=plan.names.get(locale) or plan.code,
        customer_ref=method.customer_ref,
        method_ref=method.method_ref,
        locale=locale,
        return_url=_return_url(invoice),
        payment_ref=before,
    )


def _locale(user_id: str) -> str:
    user = rows.find(User, UserRow.id == user_id)
    return user.locale if user else runtime.settings.default_locale


def _return_url(invoice: Invoice) -> str:
    return f"{runtime.settings.origin}/payments/{invoice.id}"


def _intend(invoice_id: UUID) -> tuple[Invoice, Payment]:
    """Step one, committed before anybody is called: the payment with its key, stamped as sent."""
    now = runtime.clock.now()
    with atomic():
        subscription, invoice, payment = standing.lock_invoice(invoice_id)
        if not invoice.payable or now >= invoice.expires_at or subscription.state in ("expired", "ended"):
            raise InvoiceNotPayable(f"the invoice is {invoice.state}", invoice_id=invoice_id)
        held = payment is not None and payment.may_hold_money
        if payment is not None and payment.redirect_url and payment.state == "requires_action" and not held:
            return invoice, payment
        if payment is not None and (held or not _may_start_again(payment, now)):
            raise PaymentInProgress("a payment of this invoice is under way", invoice_id=invoice_id)
        writes: list[Write] = []
        if payment is None:
            payment = intent(invoice, subscription, now, kind="checkout")
            # Dunning rests while the page of a demand is open, so that it is open no longer than any other.
            payment = replace(payment, expires_at=min(invoice.expires_at, now + runtime.policy.checkout_ttl))
            writes.append(payment)
        writes.append(Move(payment, "sent", {"sent_at": payment.sent_at or now, "next_check_at": now + IN_FLIGHT}))
        actor = f"user:{invoice.user_id}"
        change = Change(invoice.user_id, now, actor, tuple(writes), reason=invoice.reason, invoice_id=invoice_id)
        journal.record([change])
        return invoice, _read(payment.id)


def _may_start_again(payment: Payment, now: datetime) -> bool:
    """The same key may be sent again while the provider still recognises it and nobody has been called to look."""
    if payment.kind == "charge" or payment.review_at is not None:
        return False
    return payment.state in ("created", "unknown") and may_resend(payment.sent_at, now)


def _was_lost(payment: Payment) -> bool:
    """The call must be over by now, and its answer never came."""
    return payment.sent_at is not None and runtime.clock.now() - payment.sent_at >= IN_FLIGHT


def _start(invoice: Invoice, payment: Payment) -> Answer:
    """Step two: the call, with no transaction open."""
    plan = standing.plan_of(invoice.plan_id)
    locale = _locale(invoice.user_id)
    customer = clues.customer_of(payment.provider, payment.user_id)
    end_reads()
    return runtime.providers[payment.provider].start_checkout(
        CheckoutOrder(
            reference=payment.reference,
            amount=payment.amount,
            description=plan.names.get(locale) or plan.code,
            user_id=payment.user_id,
            locale=locale,
            return_url=_return_url(invoice),
            expires_at=payment.expires_at or invoice.expires_at,
            save_method=invoice.saves_method,
            customer_ref=customer,
        )
    )


def _read(payment_id: UUID) -> Payment:
    payment = rows.find(Payment, PaymentRow.id == payment_id)
    assert payment is not None  # noqa: S101 - callers read the id from the row
    return payment
