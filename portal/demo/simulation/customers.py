"""People who buy, pay, change their minds and their cards: each one's life is drawn from the seed and their number."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import select

from portal import runtime
from portal.db import rows
from portal.db.session import db
from portal.demo.auth.people import DemoPerson
from portal.demo.sandbox.cards import BY_NAME
from portal.demo.simulation.chance import around
from portal.demo.simulation.house import House
from portal.domain.consent import Agreement
from portal.domain.errors import NotChangeable
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.subscription import Subscription
from portal.domain.user import Person
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.queries import methods as saved
from portal.queries import subscriptions
from portal.services import buy, cancel, change_plan, close_invoice, methods, refund, save_method

PLANS: Final = ("standard", "standard", "premium", "weekly", "weekly", "try-month", "try-month", "premium-year")
PLANS_FOR_LONG: Final = ("standard",) * 8 + ("premium",) * 4 + ("try-month",) * 3 + ("premium-year", "weekly")
TRIALS: Final = ("try-month",)
TRIAL_HUNTERS: Final = 0.15  # of all; they try, leave, and try to try again
LONG: Final = timedelta(days=40)  # between two acts: a life of so many months that weeks would fill it
CARDS: Final = (
    *(*("good",) * 9, "mastercard", "mir", "challenge"),
    *("once", "once", "always_asks", "disputed", "disputed", "no_funds"),
)
CARDS_AGAIN: Final = ("good", "good", "mastercard", "challenge", "no_funds", "lost", "expired")
CURRENCIES: Final = ("RUB",) * 6 + ("USD", "JPY", "KWD")
ZONES: Final = (None, None, "Asia/Omsk", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
SOON: Final = timedelta(minutes=4)
KEY_LIVES: Final = timedelta(hours=24)  # afterwards the same key is a new request
LATER: Final = timedelta(hours=30)  # longer than a page is open
AGREED: Final = Agreement(True, True, True, "cabinet", "en", "192.0.2.44", "simulated")


def person(number: int, seed: int) -> DemoPerson:
    chance = Random(f"person:{seed}:{number}")  # noqa: S311 - to be repeated is its point
    locale, zone = chance.choice(("ru", "en")), chance.choice(ZONES)
    return DemoPerson(f"viewer-{number}", f"Viewer {number}", locale=locale, zone=zone, listed=False)


@dataclass(frozen=True)
class _Follow:
    """What comes next in a life, and how long after what came before."""

    act: Callable[[], object]
    after: timedelta = timedelta(0)
    elsewhere: bool = False


class Customer:
    """`act` does one thing and answers how long it is until the next."""

    def __init__(self, number: int, seed: int, house: House, pace: timedelta) -> None:
        self._chance = Random(f"life:{seed}:{number}")  # noqa: S311 - as above
        self._account = person(number, seed)
        self._house = house
        self._pace = pace
        self._wants_trials = self._chance.random() < TRIAL_HUNTERS
        self._plans = TRIALS if self._wants_trials else PLANS if pace < LONG else PLANS_FOR_LONG
        self._keys = 0
        self._currency = self._chance.choice(CURRENCIES)
        self._promised: dict[str, tuple[str, datetime]] = {}  # by key: the invoice that was answered, and when
        self._next: list[_Follow] = []
        self.me = Person(self._account.login, self._account.email, self._account.locale, self._account.zone)
        self.complaints: list[str] = []

    def act(self) -> timedelta:
        follow = self._next.pop(0) if self._next else _Follow(self._choose)
        if follow.elsewhere:
            follow.act()
        else:
            self._house.run(follow.act)
        return self._next[0].after if self._next else around(self._chance, self._pace)

    def interfere(self) -> None:
        """Something quick, while a process of the portal stands between two steps with this customer's money."""
        self._house.run(
            self._chance.choice((self._cancel_now, self._stop, self._drop_method, self._take_back, self._order))
        )

    # Deciding

    def _choose(self) -> None:
        running = subscriptions.in_group(self.me.id, "main")
        if running is None:
            self._pick(((8, self._order), (1, self._order_sport), (1, self._nothing)))
        elif running.state == "pending":
            self._pick(((5, self._pay_open), (2, self._order), (1, self._drop_order), (2, self._nothing)))
        elif running.state in ("past_due", "suspended"):
            self._pick(
                (
                    (4, self._change_card),
                    (3, self._pay_open),
                    (1, self._order),
                    (1, self._cancel_now),
                    (4, self._nothing),
                )
            )
        else:
            self._pick(self._of_running(running))

    def _of_running(self, running: Subscription) -> tuple[tuple[int, Callable[[], None]], ...]:
        stays = self._resume if not running.auto_renew else self._stop
        return (
            (10, self._nothing),
            (3, self._confirm_waiting),
            (2, stays),
            (15 if self._wants_trials else 1, self._cancel_now),
            (2, self._change_plan),
            (1, self._unbook),
            (2, self._take_back),
            (1, self._ask_back),
            (1, self._order),
            (2, self._change_card),
            (1, self._drop_method),
            (1, self._order_sport),
        )

    def _pick(self, acts: tuple[tuple[int, Callable[[], None]], ...]) -> None:
        (act,) = self._chance.choices([act for _, act in acts], [weight for weight, _ in acts])
        act()

    def _nothing(self) -> None:
        """Watches films."""

    def _then(self, act: Callable[[], object], after: timedelta) -> None:
        """In a service of the portal."""
        self._next.append(_Follow(act, after))

    def _outside(self, act: Callable[[], object], after: timedelta) -> None:
        """At the portal's door, or on the payment system's pages."""
        self._next.append(_Follow(act, after, elsewhere=True))

    # Buying and paying

    def _order(self) -> None:
        self._buy(self._chance.choice(self._plans), self._chance.choice((1, 1, 1, 1, 2, 3)))

    def _order_sport(self) -> None:
        self._buy("sport", 1)

    def _buy(self, plan: str, count: int) -> None:
        self._keys += 1
        body = {"product_id": plan, "product_count": count, "currency": self._currency}
        if self._chance.random() < 0.1:
            body["consents"] = {"terms": True, "personal_data": True, "renewal": False}
        key = f"order-{self._keys}"
        self._outside(lambda: self._send_order(key, body), timedelta(0))

    def _send_order(self, key: str, body: dict[str, Any], tries: int = 0) -> None:
        """Whoever hears nothing, or that it is not possible now, sends the same again with the same key."""
        answer = self._house.visit(lambda client: self._post(client, "/purchases", body, key))
        status = answer.status_code if answer is not None else None
        if status is not None and status >= 500 and status != 503:
            self.complaints.append(f"POST /purchases answered {status}")
        if status == 200 and answer is not None:
            self._remember(key, body, answer.json)
            self._pay_soon(answer.json["redirect_url"])
        elif status in (None, 409, 503) and tries < 4:
            self._outside(lambda: self._send_order(key, body, tries + 1), around(self._chance, SOON))

    def _remember(self, key: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
        """One key, one answer. Sometimes it is sent once more just to see."""
        now = self._house.clock.now()
        invoice, at = self._promised.setdefault(key, (answer["invoice_guid"], now))
        if invoice != answer["invoice_guid"] and now - at < KEY_LIVES:
            self.complaints.append(f"key {key} of {self.me.id}: {invoice}, then {answer['invoice_guid']}")
        if self._chance.random() < 0.1:
            self._outside(lambda: self._send_order(key, body, 4), around(self._chance, SOON))

    def _post(self, client: FlaskClient, path: str, body: dict[str, Any], key: str) -> Any:
        account = self._house.auth.person(self.me.id)
        token = self._house.auth.issuer.access_token(account, self._house.clock.now())
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        return client.post(f"/api/v1{path}", json=body, headers=headers)

    def _pay_soon(self, page: str) -> None:
        when = self._chance.choices(("soon", "twice", "late", "never"), (85, 4, 3, 8))[0]
        if when in ("soon", "twice"):
            self._outside(lambda: self._pay(page, CARDS), around(self._chance, SOON))
        if when == "twice":
            self._outside(lambda: self._pay(page, CARDS_AGAIN), timedelta(seconds=2))
        if when == "late":
            self._outside(lambda: self._pay(page, CARDS), LATER)

    def _pay(self, page: str, cards: tuple[str, ...]) -> None:
        """On the payment system's own page: the portal need not be there for that."""
        card = BY_NAME[self._chance.choice(cards)]
        led_to = self._house.press(page, card_number=card.number, expiry="12/44", cvc="123")
        if led_to is not None and led_to.endswith("/confirm"):
            said = self._chance.choices(("confirm", "refuse", None), (80, 10, 10))[0]
            if said:
                self._house.press(led_to, decision=said)
        if self._chance.random() < 0.4:
            self._then(self._pay_if_declined, around(self._chance, SOON))

    def _pay_if_declined(self) -> None:
        if self._unpaid() is not None:
            self._pay_open()

    def _pay_open(self) -> None:
        invoice = self._unpaid()
        if invoice is not None:
            page = buy.pay_again(self.me, invoice.id).redirect_url
            self._outside(lambda: self._pay(page, CARDS_AGAIN), around(self._chance, SOON))

    def _drop_order(self) -> None:
        invoice = self._unpaid()
        if invoice is not None:
            close_invoice.close(self.me, invoice.id)

    def _confirm_waiting(self) -> None:
        """The bank wants to see them for a renewal."""
        waiting = PaymentRow.user_id == self.me.id, PaymentRow.state == "requires_action"
        page = db.session.scalar(
            select(PaymentRow.redirect_url).where(*waiting).order_by(PaymentRow.id.desc()).limit(1)
        )
        if page is not None:
            self._outside(lambda: self._answer_bank(page), timedelta(seconds=30))

    def _answer_bank(self, page: str) -> None:
        self._house.press(f"{page}/confirm", decision=self._chance.choice(("confirm", "confirm", "refuse")))

    def _unpaid(self) -> Invoice | None:
        mine = InvoiceRow.user_id == self.me.id, InvoiceRow.state == "not_paid"
        found = rows.find_all(Invoice, *mine, order=[InvoiceRow.created_at.desc(), InvoiceRow.id.desc()], limit=1)
        return found[0] if found else None

    # Leaving, staying, changing

    def _running(self) -> Subscription | None:
        found = subscriptions.in_group(self.me.id, "main")
        return found if found is not None and found.live else None

    def _stop(self) -> None:
        if (running := self._running()) is not None:
            cancel.cancel(self.me, running.id, "period_end")

    def _cancel_now(self) -> None:
        if (running := self._running()) is not None:
            cancel.cancel(self.me, running.id, "now")

    def _resume(self) -> None:
        if (running := self._running()) is not None:
            cancel.resume(self.me, running.id)

    def _change_plan(self) -> None:
        """Many look at two better plans in two windows, and press in both."""
        running = self._running()
        if running is None:
            return
        one = self._chance.choice(("standard", "premium", "premium-year", "weekly"))
        if self._chance.random() < 0.4:
            self._quote(running.id, one, self._chance.choice((timedelta(0), SOON, timedelta(minutes=20))))
            return
        for code, after in zip(self._chance.sample(("premium", "premium-year"), 2), (timedelta(0), SOON), strict=True):
            self._quote(running.id, code, after)

    def _quote(self, subscription_id: UUID, code: str, after: timedelta) -> None:
        with suppress(NotChangeable):
            quoted = change_plan.preview(self.me, subscription_id, code)
            self._then(lambda: self._use_quote(subscription_id, code, quoted.quote.id), after)

    def _use_quote(self, subscription_id: UUID, code: str, quote_id: UUID) -> None:
        changed = change_plan.change(self.me, subscription_id, code, quote_id)
        page = changed.redirect_url
        if page is not None:
            self._outside(lambda: self._pay(page, CARDS_AGAIN), around(self._chance, SOON))

    def _unbook(self) -> None:
        if (running := self._running()) is not None:
            change_plan.unbook(self.me, running.id)

    # Money back

    def _take_back(self) -> None:
        invoice_id = self._bought_last()
        if invoice_id is not None:
            refund.accept(self.me, invoice_id, self._chance.choice(("full", "unused", "unused")), None)

    def _ask_back(self) -> None:
        invoice_id = self._bought_last()
        if invoice_id is not None:
            paid = refund.paid_by(invoice_id)
            minor = self._chance.randint(1, max(1, paid.amount_minor)) if paid else 1
            currency = paid.currency if paid else self._currency
            refund.request(self.me, invoice_id, Money(minor, currency), "simulated")

    def _bought_last(self) -> UUID | None:
        cards = subscriptions.of_user(self.me.id, runtime.clock.now(), runtime.policy)
        return cards[0].last_invoice_id if cards else None

    # Cards

    def _change_card(self) -> None:
        page = save_method.start(self.me, AGREED)
        self._outside(lambda: self._pay(page, CARDS), around(self._chance, SOON))

    def _drop_method(self) -> None:
        kept = saved.of_user(self.me.id)
        if kept:
            methods.remove(self.me, self._chance.choice(kept).id)


def first_visit(number: int, seed: int, start: datetime, span: timedelta) -> datetime:
    chance = Random(f"first:{seed}:{number}")  # noqa: S311 - as above
    return start + span * chance.random()
