"""A payment system's word about a payment, and the rows that it meets, as they are under the lock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from portal.domain import dunning, states
from portal.domain.change import Move
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.outcome import Decline, Outcome, turned_away
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.quote import ChangeQuote
from portal.domain.subscription import Period, Subscription


@dataclass(frozen=True)
class Word:
    """A provider's answer about one payment, in the domain's terms."""

    outcome: Outcome
    provider_ref: str | None = None
    amount: Money | None = None
    redirect_url: str | None = None
    method: PaymentMethod | None = None
    method_is_new: bool = False
    decline: Decline | None = None
    note: str = ""
    absent: bool = False  # it knows no such object, and that proves nothing yet

    @property
    def unheard(self) -> bool:
        """Turned away, and not known to be nowhere."""
        return not self.absent and turned_away(self.decline, self.provider_ref)


@dataclass(frozen=True)
class Standing:
    subscription: Subscription
    plan: Plan  # of the invoice
    invoice: Invoice
    payment: Payment
    paid_before: bool  # another payment of this invoice has succeeded
    before: Plan | None = None  # the plan that ran until now, where that is another one
    unpaid_renewal: Invoice | None = None  # of the same subscription, where this invoice is a purchase
    charged: PaymentMethod | None = None  # the saved method that was charged
    quoted: ChangeQuote | None = None  # what a change of plan was agreed to be
    periods: tuple[Period, ...] = ()  # that are not over, where that change begins time anew


def known(payment: Payment, word: Word) -> dict[str, object]:
    """What any answer teaches about the provider's object."""
    return {
        "provider_ref": word.provider_ref or payment.provider_ref,
        "redirect_url": word.redirect_url or payment.redirect_url,
        "note": word.note or None,
        "checks": 0,
        "absent_at": None,
    }


def rescheduled(standing: Standing, event: str, facts: dict[str, object], policy: Policy) -> Move:
    """A move of the subscription, with the moment at which it wants attention next."""
    subscription = standing.subscription
    to = states.edge("subscription", subscription.state, event).to
    after = replace(subscription, state=to, **facts)  # type: ignore[arg-type]  # columns of the row
    plan = standing.plan if after.plan_id == standing.plan.id else standing.before or standing.plan
    return Move(subscription, event, facts | {"next_action_at": dunning.next_action_at(after, plan, policy)})
