"""A shop in front of the payment system that is tried: what a portal does with a module in one case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

from portal.domain.money import Money
from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.counterpart import Card, Counterpart
from portal.providers.port import Answer, ChargeOrder, CheckoutOrder, Notice, RefundOrder, SavedMethod

RETURN_URL = "http://127.0.0.1:8000/payments/1"
PAGE_LASTS = timedelta(hours=1)


class Misbehaved(Exception):
    """What was promised did not come true; the text says what was seen instead."""


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise Misbehaved(otherwise)


def shown(answer: Answer) -> str:
    """An answer in one line, without what is not there."""
    decline = f" {answer.decline.kind}:{answer.decline.code}" if answer.decline else ""
    sum_ = f" {answer.amount.major} {answer.amount.currency}" if answer.amount else ""
    return f"{answer.outcome}{decline}{sum_}{' absent' if answer.absent else ''} ({answer.note or 'no note'})"


def expect_outcome(answer: Answer, *allowed: Outcome) -> None:
    expect(answer.outcome in allowed, f"{' or '.join(allowed)} was expected, it said {shown(answer)}")


def expect_declined(answer: Answer, *kinds: DeclineClass) -> None:
    expect_outcome(answer, Outcome.failed)
    kind = answer.decline.kind if answer.decline else None
    expect(kind in kinds, f"a decline of class {' or '.join(kinds)} was expected, it said {shown(answer)}")
    expect(bool(answer.decline and answer.decline.code), "a decline without a code")


class Shop:
    """Every shop has references and customers of its own, so a payment system may be used again and again."""

    def __init__(self, other: Counterpart) -> None:
        self.other = other
        self.provider = other.provider
        self.price = Money.parse(599, other.currencies[0])
        self.part = self.price.share(Fraction(1, 3))
        self._id = uuid4().hex[:12]

    def reference(self, kind: str = "payment") -> str:
        return f"{kind}:{uuid4()}"

    def order(self, amount: Money | None = None, user: str = "alice", save: bool = True) -> CheckoutOrder:
        return CheckoutOrder(
            reference=self.reference(),
            amount=self.price if amount is None else amount,
            description="Premium",
            user_id=f"{user}-{self._id}",
            locale="en",
            return_url=RETURN_URL,
            expires_at=self.other.now() + PAGE_LASTS,
            save_method=save,
        )

    def open(self, order: CheckoutOrder) -> str:
        """The address of a new page."""
        answer = self.provider.start_checkout(order)
        expect_outcome(answer, Outcome.requires_action)
        if answer.redirect_url is None:
            raise Misbehaved("a page was opened, and nobody was told its address")
        return answer.redirect_url

    def buy(self, order: CheckoutOrder, card: Card = Card.good) -> Answer:
        """Open a page, pay it, and ask what became of it."""
        self.other.pay(self.open(order), card)
        return self.provider.find(order.reference)

    def bought(self, order: CheckoutOrder) -> Answer:
        answer = self.buy(order)
        expect_outcome(answer, Outcome.succeeded)
        return answer

    def saved(self, card: Card = Card.good, user: str = "alice") -> SavedMethod:
        """The method that a purchase with this card leaves behind."""
        answer = self.buy(self.order(user=user), card)
        expect_outcome(answer, Outcome.succeeded)
        if answer.method is None:
            raise Misbehaved("the checkout was to keep a method, and none is there")
        return answer.method

    def renewal(self, method: SavedMethod, amount: Money | None = None) -> ChargeOrder:
        return ChargeOrder(
            reference=self.reference(),
            amount=self.price if amount is None else amount,
            description="Renewal",
            customer_ref=method.customer_ref,
            method_ref=method.method_ref,
            locale="en",
            return_url=RETURN_URL,
        )

    def back(self, payment: Answer, amount: Money) -> RefundOrder:
        if payment.provider_ref is None:
            raise Misbehaved("the payment succeeded, and has no id at the payment system")
        return RefundOrder(self.reference("refund"), payment.provider_ref, amount)

    def expect_taken(self, reference: str, *sums: Money) -> None:
        taken = self.other.taken(reference)
        expect(taken == list(sums), f"the book says that {_sums(taken)} was taken, not {_sums(sums)}")

    def expect_given_back(self, reference: str, *sums: Money) -> None:
        given = self.other.given_back(reference)
        expect(given == list(sums), f"the book says that {_sums(given)} was given back, not {_sums(sums)}")

    def notices(self) -> list[Notice]:
        """What the webhooks since the last time say, oldest first."""
        now = self.other.now()
        return [self.provider.verify(one.headers, one.body, now) for one in self.other.deliveries()]


def at_once(work: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Everything at the same moment, as two processes of a portal would."""
    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(lambda call: call(), work))


def _sums(sums: Sequence[Money]) -> str:
    return " and ".join(f"{one.major} {one.currency}" for one in sums) or "nothing"
