"""What it means for us that the bank has a payment under dispute, and how it decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from portal.domain import changing, refund_answer, refund_effects
from portal.domain.asking import THEN
from portal.domain.cancelling import ended
from portal.domain.change import Change, Move, Set, Write
from portal.domain.dispute import Dispute
from portal.domain.dunning import next_action_at
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import Refund

# What is charged by itself, and so can be stopped.
STOPPED = ("active", "past_due", "suspended")
Felt = Literal["end_now", "take_back", "old_plan", "keep"]


@dataclass(frozen=True)
class Word:
    """What the payment system says of one dispute, now."""

    provider_ref: str
    state: Literal["open", "won", "lost"]
    amount: Money
    opened_at: datetime


@dataclass(frozen=True)
class Standing:
    """Everything a dispute of a payment may touch, as it is under the lock."""

    money: refund_effects.Standing
    disputes: Sequence[Dispute]  # of this payment, oldest first
    elsewhere: bool  # another payment of the same subscription is under dispute
    unsent: Sequence[Refund]  # of this payment: reserved, and nobody was asked for them yet; oldest first

    @property
    def payment(self) -> Payment:
        return self.money.payment


def opened(standing: Standing, word: Word, now: datetime, actor: str, policy: Policy) -> tuple[Dispute, Change]:
    """A dispute we did not know: nothing of the payment can be given back, and nothing more is charged."""
    payment = standing.payment
    counted = min(word.amount.minor, available(payment).minor)
    dispute = Dispute(
        id=new_id(now),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        subscription_id=payment.subscription_id,
        user_id=payment.user_id,
        provider=payment.provider,
        provider_ref=word.provider_ref,
        state="open",
        amount_minor=word.amount.minor,
        counted_minor=counted,
        currency=word.amount.currency,
        opened_at=word.opened_at,
        created_at=now,
        modified_at=now,
        next_check_at=now + THEN,
    )
    held = {
        "disputed_minor": payment.disputed_minor + counted,
        "disputed_at": payment.disputed_at or now,
    }
    writes: list[Write] = [dispute, Move(payment, "disputed", held), *_stopped(standing, now, policy)]
    return dispute, _change(dispute, now, actor, writes)


def decided(
    standing: Standing, dispute: Dispute, word: Word, now: datetime, actor: str, policy: Policy
) -> Change | None:
    """None: we knew that already. What was decided once stays decided."""
    if not dispute.open:
        return None
    match word.state:
        case "won":
            writes = _won(standing, dispute, now)
        case "lost":
            writes = _lost(standing, dispute, word.amount.minor, now, policy)
        case _ if dispute.next_check_at is not None and now < dispute.next_check_at:
            return None  # a look between two scheduled ones does not count
        case _:
            writes = [Move(dispute, "asked", {"next_check_at": now + THEN})]
    return _change(dispute, now, actor, writes)


def recounted(payment: Payment, disputes: Sequence[Dispute], now: datetime, actor: str) -> Change | None:
    """A refund was not made after all: what it had reserved was the bank's already, as far as disputes say so."""
    room, refunded, disputed = available(payment).minor, payment.refunded_minor, payment.disputed_minor
    writes: list[Write] = []
    for dispute in disputes:
        more = min(room, dispute.amount_minor - dispute.counted_minor) if dispute.state != "won" else 0
        if more > 0:
            room -= more
            refunded += more if dispute.state == "lost" else 0
            disputed += more if dispute.open else 0
            writes.append(Move(dispute, "counted", {"counted_minor": dispute.counted_minor + more}))
    if not writes:
        return None
    sums = {"refunded_minor": refunded, "disputed_minor": disputed}
    return _change(disputes[0], now, actor, [Move(payment, "dispute_counted", sums), *writes])


def felt(money: refund_effects.Standing, now: datetime) -> Felt:
    """What becomes of access when the whole payment is gone without anybody of us having said it.

    Time that has not begun is taken back alone. What runs, or was the last that was paid for, ends. Time that is over
    by now, or that this payment did not buy, changes nothing. Without the money for a better plan the old one runs on.
    """
    subscription, period = money.subscription, money.period
    if money.bettered is not None and subscription.live:
        return "old_plan"
    if period is None or not subscription.live or subscription.paid_through is None:
        return "keep"
    last = period.end == subscription.paid_through
    if period.start > now:
        return "take_back" if last and subscription.state == "active" else "keep"
    return "end_now" if last or period.end > now else "keep"


def _stopped(standing: Standing, now: datetime, policy: Policy) -> list[Write]:
    """Renewal is off until the customer switches it on again, which they cannot while a dispute is open."""
    subscription = standing.money.subscription
    if subscription.state not in STOPPED or subscription.disputed_at is not None:
        return []
    after = replace(subscription, auto_renew=False, retry_at=None, disputed_at=now)
    facts = {
        "auto_renew": False,
        "retry_at": None,
        "disputed_at": now,
        "booked_plan_id": None,  # nothing follows what is paid for
        "booked_price_id": None,
        "next_action_at": next_action_at(after, standing.money.plan, policy),
    }
    event = "dispute_opened" if subscription.auto_renew else "dispute_noted"
    return [*refund_effects.drop_renewal(standing.money), Move(subscription, event, facts)]


def _won(standing: Standing, dispute: Dispute, now: datetime) -> list[Write]:
    payment = standing.payment
    free = {"disputed_minor": payment.disputed_minor - dispute.counted_minor, "disputed_at": _still(standing, dispute)}
    over = {"decided_at": now, "next_check_at": None, "counted_minor": 0}
    moved = Move(dispute, "won", over), Move(payment, "dispute_won", free)
    return [*moved, *_let_go(standing, dispute)]


def _lost(standing: Standing, dispute: Dispute, minor: int, now: datetime, policy: Policy) -> list[Write]:
    """The bank's word moves the money. Refunds nobody was asked for yet give way: it was given back already."""
    payment, writes = standing.payment, list[Write]()
    room, reserved = available(payment).minor + dispute.counted_minor, payment.reserved_minor
    for refund in reversed(standing.unsent):
        if room < minor:
            writes.append(refund_answer.overtaken(refund, "the bank took it back in a dispute"))
            room, reserved = room + refund.amount_minor, reserved - refund.amount_minor
    counted = min(minor, room)
    sums: dict[str, object] = {
        "refunded_minor": payment.refunded_minor + counted,
        "reserved_minor": reserved,
        "disputed_minor": payment.disputed_minor - dispute.counted_minor,
        "disputed_at": _still(standing, dispute),
    }
    over = {"decided_at": now, "next_check_at": None, "amount_minor": minor, "counted_minor": counted}
    writes += [Move(dispute, "lost", over), Move(payment, "dispute_lost", sums)]
    whole = minor >= payment.amount_minor or payment.refunded_minor + counted == payment.amount_minor
    effect = felt(standing.money, now) if whole else "keep"
    if effect == "end_now":
        return [*writes, *_ended(standing, now)]
    return [*writes, *_kept(standing.money, effect, now, policy), *_let_go(standing, dispute)]


def _ended(standing: Standing, now: datetime) -> list[Write]:
    money, over = standing.money, ended("disputed", now) | {"disputed_at": None}
    revoked = [Set(money.period, {"revoked_at": now})] if money.period else []
    return [*revoked, *refund_effects.drop_renewal(money), Move(money.subscription, "dispute_lost", over)]


def _kept(money: refund_effects.Standing, effect: Felt, now: datetime, policy: Policy) -> list[Write]:
    """Effects after which the subscription runs on."""
    subscription, period = money.subscription, money.period
    if effect == "old_plan" and money.bettered is not None:
        quoted, plan = money.bettered
        return changing.returned(quoted, subscription, plan, now, policy)
    if effect != "take_back" or period is None:
        return []
    facts: dict[str, object] = {"steps": subscription.steps - period.intervals, "paid_through": period.start}
    after = replace(subscription, **facts)  # type: ignore[arg-type]  # columns of the row
    facts["next_action_at"] = next_action_at(after, money.plan, policy)
    return [Set(period, {"revoked_at": now}), Move(subscription, "time_returned", facts)]


def _let_go(standing: Standing, dispute: Dispute) -> list[Write]:
    """Nothing of this subscription is under dispute any more. Renewal stays off: its customer may switch it on."""
    subscription = standing.money.subscription
    if subscription.state not in STOPPED or subscription.disputed_at is None:
        return []
    if standing.elsewhere or _still(standing, dispute) is not None:
        return []
    return [Move(subscription, "dispute_over", {"disputed_at": None})]


def _still(standing: Standing, dispute: Dispute) -> datetime | None:
    """Since when the payment is under dispute by another one."""
    return min((one.created_at for one in standing.disputes if one.open and one.id != dispute.id), default=None)


def _change(dispute: Dispute, now: datetime, actor: str, writes: list[Write]) -> Change:
    return Change(dispute.user_id, now, actor, tuple(writes), reason="disputed", invoice_id=dispute.invoice_id)
