"""What the portal says when it refuses: title, what happened, what to do. Pages show all three, the API the second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from portal.presentation.language import N_, words


class Refusal(NamedTuple):
    title: str
    sentence: str
    hint: str


CHECK_ADDRESS = N_("Check the address, or start from the list of plans.")
TRY_AGAIN = N_("Try again in a minute. If it happens again, write to us and quote the reference below.")

# By error_id: those of domain/errors.py, then those of HTTP itself.
TABLE: Mapping[str, tuple[str, str, str]] = {
    "refused": (
        N_("That cannot be done"),
        N_("The request was refused. Nothing has been changed."),
        TRY_AGAIN,
    ),
    "invalid_request": (
        N_("The request is not understood"),
        N_("Something in the request is missing or has a value that is not allowed. Nothing has been changed."),
        CHECK_ADDRESS,
    ),
    "invalid_amount": (
        N_("The amount is not right"),
        N_("The amount is not a sum in this currency. Nothing has been changed."),
        N_("Check the amount and its currency."),
    ),
    "card_number": (
        N_("A card number does not belong here"),
        N_("What was written holds what looks like a card number, which we must not keep. Nothing has been changed."),
        N_("Go back, take it out and send the form again. A card is only ever entered on the payment system's page."),
    ),
    "unknown_product": (
        N_("This plan is not on sale"),
        N_("There is no such plan on sale: perhaps it has been withdrawn, perhaps the address is wrong."),
        N_("Choose one of the plans that are on sale now."),
    ),
    "unknown_provider": (
        N_("This way to pay is not on offer"),
        N_("There is no such payment system here: perhaps it was switched off meanwhile. Nothing has been changed."),
        N_("Go back and choose another way to pay."),
    ),
    "consent_required": (
        N_("Your consent is needed"),
        N_("Without consent to the terms and to the processing of personal data we cannot take the order."),
        N_("Go back and tick both boxes."),
    ),
    "email_required": (
        N_("An e-mail address is needed"),
        N_("We do not know where to send the receipt."),
        N_("Go back and enter an e-mail address."),
    ),
    "unauthorized": (
        N_("Please sign in"),
        N_("This needs a valid sign-in."),
        N_("Sign in and open the page again."),
    ),
    "token_expired": (
        N_("Your sign-in has expired"),
        N_("The sign-in is no longer valid."),
        N_("Sign in again and open the page once more."),
    ),
    "forbidden": (
        N_("No access"),
        N_("Your account is not allowed to do this."),
        N_("If you think it should be, write to us."),
    ),
    "not_found": (
        N_("Page not found"),
        N_("There is nothing at this address, or it belongs to another account."),
        CHECK_ADDRESS,
    ),
    "conflict": (
        N_("Not possible right now"),
        N_("Something has changed in the meantime, and this can no longer be done. Nothing has been charged."),
        N_("Open your subscriptions: they show how things stand now."),
    ),
    "subscription_exists": (
        N_("You already have a subscription"),
        N_("You already have a subscription of this kind. There can be only one at a time."),
        N_("Open your subscriptions: they show what you have and until when."),
    ),
    "payment_in_progress": (
        N_("A payment is already on its way"),
        N_("The payment system is still working on the previous payment. Please do not pay twice."),
        N_("Wait a minute and look into your subscriptions."),
    ),
    "invoice_not_payable": (
        N_("This invoice can no longer be paid"),
        N_("The invoice is already paid or closed. Nothing has been charged."),
        N_("Open your subscriptions, or choose a plan again."),
    ),
    "already_ended": (
        N_("This subscription has already ended"),
        N_("The subscription is over, so there is nothing left to change. Nothing has been charged."),
        N_("Choose a plan to start a new one."),
    ),
    "not_resumable": (
        N_("Renewal cannot be switched on"),
        N_("Renewal of this subscription cannot be switched on in its present state. Nothing has been charged."),
        N_("Open your subscriptions: they show how things stand now."),
    ),
    "method_required": (
        N_("A payment method is needed"),
        N_("There is no payment method that may be charged for this subscription."),
        N_("Add a card and allow renewal with it."),
    ),
    "not_changeable": (
        N_("The plan cannot be changed now"),
        N_("The subscription cannot move to this plan in its present state. Nothing has been changed or charged."),
        N_("Open your subscriptions: they show how things stand now."),
    ),
    "quote_void": (
        N_("These sums no longer hold"),
        N_("The quote has run out, was used, or the subscription has changed since. Nothing has been charged now."),
        N_("Look at the new sums and confirm them."),
    ),
    "not_cancellable": (
        N_("This invoice cannot be cancelled"),
        N_("The invoice is paid, or belongs to a renewal. Nothing has been changed."),
        N_("To stop renewals, cancel the subscription itself."),
    ),
    "not_refundable": (
        N_("This payment cannot be refunded"),
        N_("There is nothing that can be returned for this invoice. Nothing has been changed."),
        N_("If you think there should be, write to us and quote the invoice."),
    ),
    "not_refundable.disputed": (
        N_("The bank is looking into this payment"),
        N_("The payment was contested at the bank. Until the bank has decided, nothing of it can be returned here."),
        N_("The bank that issued the card knows how far it is."),
    ),
    "exceeds_refundable": (
        N_("More than can be returned"),
        N_("The sum is larger than what is left of this payment. Nothing has been changed."),
        N_("Ask for a smaller sum."),
    ),
    "sum_changed": (
        N_("The sum has changed"),
        N_("Another sum can be returned now than the page showed. Nothing has been changed."),
        N_("Look at the new sum and decide again."),
    ),
    "not_decidable": (
        N_("This refund is decided already"),
        N_("The refund does not wait for a decision any more: somebody approved or refused it. Nothing was done now."),
        N_("Open the refund: it shows who decided what."),
    ),
    "not_grantable": (
        N_("No time can be added now"),
        N_("Time is added only to a trial or an active subscription of which nothing is being charged or taken back."),
        N_("Open the subscription: it shows how things stand now."),
    ),
    "plan_sold": (
        N_("The plan has been sold"),
        N_("What was sold stays as it was sold: only its words and its position may change."),
        N_("Archive the plan and make another one."),
    ),
    "plan_not_sellable": (
        N_("The plan has no price"),
        N_("Without a price that is valid now, in the currency of this portal, nobody could buy the plan."),
        N_("Add a price first."),
    ),
    "code_taken": (
        N_("The code is taken"),
        N_("Another plan has this code. Nothing has been changed."),
        N_("Choose another code."),
    ),
    "price_exists": (
        N_("There is such a price already"),
        N_("The plan has a price in this currency from this very moment on. Nothing has been changed."),
        N_("Choose another moment."),
    ),
    "already_done": (
        N_("Already done"),
        N_("This form was sent before, and what it asks for was done then. Nothing was done twice."),
        N_("Look at the result; for doing it once more, open the form anew."),
    ),
    "erasure_waits": (
        N_("Something is not settled yet"),
        N_("An order, a payment, a refund, a dispute or a card is still on its way. Nothing has been erased."),
        N_("Open «My data»: it says what is waited for."),
    ),
    "erasure_changed": (
        N_("Something has changed meanwhile"),
        N_("A subscription has begun since you opened the page. Nothing has been erased."),
        N_("Look at the page again and decide anew."),
    ),
    "content_erased": (
        N_("The content is erased"),
        N_("What this message said was erased with the customer's data. Nothing has been changed."),
        N_("Open the payment: the payment system can be asked about it directly."),
    ),
    "request_in_progress": (
        N_("Already being done"),
        N_("The same request is being carried out right now."),
        N_("Wait a few seconds and look at the result."),
    ),
    "idempotency_key_reused": (
        N_("The key has been used"),
        N_("This idempotency key came before with another request. Nothing has been changed."),
        N_("Use a new key for a new request."),
    ),
    "bad_signature": (
        N_("The signature is not right"),
        N_("The message is not signed as agreed, so it was not accepted."),
        N_("Check the secret and the clock of the sender."),
    ),
    "provider_unavailable": (
        N_("The payment system does not answer"),
        N_("The payment system does not answer right now. Your order is kept and can be paid later."),
        N_("Try again in a few minutes: the invoice waits in your subscriptions."),
    ),
    "bad_request": (
        N_("The request is not understood"),
        N_("The server could not read this request. Nothing has been changed."),
        CHECK_ADDRESS,
    ),
    "csrf_expired": (
        N_("The page was open for too long"),
        N_("The form has expired, so it was not sent. Nothing has been charged."),
        N_("Go back, reload the page and send the form again."),
    ),
    "method_not_allowed": (
        N_("That does not work here"),
        N_("This address does not accept such a request. Nothing has been changed."),
        CHECK_ADDRESS,
    ),
    "not_parkable": (
        N_("There is nothing to park"),
        N_("The subscription is over or never began, so nothing happens to it by itself. Nothing has been changed."),
        TRY_AGAIN,
    ),
    "not_askable": (
        N_("There is nothing to ask about"),
        N_("What became of the payment is known, or it was never sent. Nothing has been changed."),
        TRY_AGAIN,
    ),
    "too_large": (
        N_("Too much data"),
        N_("The request is larger than we accept. Nothing has been changed."),
        N_("Send less at once."),
    ),
    "unsupported_media_type": (
        N_("Unknown format"),
        N_("The request came in a format that we do not read. Nothing has been changed."),
        N_("Send it as application/json."),
    ),
    "rate_limited": (
        N_("Too many tries"),
        N_("There were too many requests in a short time. Nothing has been charged."),
        N_("Wait a minute and try again."),
    ),
    "internal_error": (
        N_("Something broke on our side"),
        N_("The page could not be shown because of a fault on our side. The fault has been recorded."),
        TRY_AGAIN,
    ),
    "unavailable": (
        N_("We will be right back"),
        N_("The service cannot be reached for the moment. Running subscriptions go on as usual."),
        N_("Try again in a few minutes."),
    ),
}


def refusal(error_id: str, facts: Mapping[str, object], locale: str) -> Refusal:
    """An id without a row reads as `refused`. `facts` fill placeholders, where a sentence has any."""
    gettext = words(locale).gettext
    row = TABLE.get(error_id, TABLE["refused"])
    if facts.get("disputed"):
        row = TABLE.get(f"{error_id}.disputed", row)
    return Refusal(*(gettext(text) % facts if "%(" in text else gettext(text) for text in row))
