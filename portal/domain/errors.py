"""What the portal refuses, each with a stable word. Edges turn these into a status and a sentence (web/errors.py)."""

from __future__ import annotations


class Refused(Exception):
    """The caller asked for something we will not do. Nothing was changed."""

    error_id = "refused"

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or self.error_id)
        self.detail = detail  # for logs and programmers, English
        self.facts = facts  # what the reader's sentence needs: names, dates, sums


class InvalidRequest(Refused):
    error_id = "invalid_request"


class InvalidAmount(InvalidRequest):
    error_id = "invalid_amount"


class CardNumberWritten(InvalidRequest):
    """Where people write in their own words. Nobody may keep one, and so nothing that was sent with it is kept."""

    error_id = "card_number"


class UnknownProduct(InvalidRequest):
    error_id = "unknown_product"


class UnknownPaymentSystem(InvalidRequest):
    """Not switched on here, or not able to do what it was chosen for."""

    error_id = "unknown_provider"


class ConsentRequired(InvalidRequest):
    error_id = "consent_required"


class EmailRequired(InvalidRequest):
    error_id = "email_required"


class Unauthorized(Refused):
    error_id = "unauthorized"


class TokenExpired(Unauthorized):
    error_id = "token_expired"


class Forbidden(Refused):
    error_id = "forbidden"


class NotFound(Refused):
    """Unknown, or somebody else's: the caller cannot tell which."""

    error_id = "not_found"


class Conflict(Refused):
    error_id = "conflict"


class SubscriptionExists(Conflict):
    error_id = "subscription_exists"


class PaymentInProgress(Conflict):
    error_id = "payment_in_progress"


class InvoiceNotPayable(Conflict):
    error_id = "invoice_not_payable"


class AlreadyEnded(Conflict):
    error_id = "already_ended"


class NotResumable(Conflict):
    error_id = "not_resumable"


class MethodRequired(Conflict):
    error_id = "method_required"


class NotChangeable(Conflict):
    """Not to this plan, or not in this state."""

    error_id = "not_changeable"


class QuoteVoid(Conflict):
    """The sums that were shown do not hold any more: too old, used, or reckoned from what has changed since."""

    error_id = "quote_void"


class NotCancellable(Conflict):
    """A paid invoice, or a renewal: the subscription is what can be cancelled."""

    error_id = "not_cancellable"


class NotRefundable(Conflict):
    error_id = "not_refundable"


class ExceedsRefundable(Conflict):
    """More than what is left of the payment; `available` says how much that is."""

    error_id = "exceeds_refundable"


class SumChanged(Conflict):
    """What is left is not what the operator's page showed; `available` says how much it is now."""

    error_id = "sum_changed"


class NotDecidable(Conflict):
    """The refund does not wait for a decision any more."""

    error_id = "not_decidable"


class NotParkable(Conflict):
    """Over, or never begun: nothing happens to it by itself anyway."""

    error_id = "not_parkable"


class NotAskable(Conflict):
    """The payment was never sent, or its outcome is known."""

    error_id = "not_askable"


class NotGrantable(Conflict):
    error_id = "not_grantable"


class PlanSold(Conflict):
    """What was sold stays as it was sold: the plan can be archived, not changed or deleted."""

    error_id = "plan_sold"


class PlanNotSellable(Conflict):
    """Without a price nobody can buy it."""

    error_id = "plan_not_sellable"


class CodeTaken(Conflict):
    error_id = "code_taken"


class PriceExists(Conflict):
    """The plan has a price in this currency from this moment on."""

    error_id = "price_exists"


class AlreadyDone(Conflict):
    """The same form was sent before, and done then."""

    error_id = "already_done"


class ErasureWaits(Conflict):
    """Money, or a card, is still on its way: settled first, erased then."""

    error_id = "erasure_waits"


class ErasureChanged(Conflict):
    """Something has begun since the page was read that said what would end."""

    error_id = "erasure_changed"


class ContentErased(Conflict):
    """What a webhook said was erased with the person it was about."""

    error_id = "content_erased"


class RequestInProgress(Conflict):
    error_id = "request_in_progress"


class IdempotencyKeyReused(Refused):
    error_id = "idempotency_key_reused"


class BadSignature(Refused):
    error_id = "bad_signature"


class RateLimited(Refused):
    """Too often; `retry_after` says how long to wait. Nothing was done."""

    error_id = "rate_limited"


class ProviderUnavailable(Refused):
    """The payment system did not answer, or answered what we cannot read. What we wrote before asking stays."""

    error_id = "provider_unavailable"
