"""A cinema with a past: half a year that really passed, through the portal's own services and the hosted pages.

Time is set back once, where nothing has ever happened, and then travelled; the script's acts are one more job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from flask import current_app

from portal import runtime
from portal.clock import real_now
from portal.db.session import db
from portal.demo import staff
from portal.demo.auth.people import CAST, DemoPerson
from portal.demo.cast import (
    SHOP,
    STORIES,
    Act,
    AsksBack,
    Buys,
    Cancels,
    ChangesCard,
    DropsOrder,
    Orders,
    Pays,
    RefundRefused,
    RefundSlow,
    RemovesCard,
    Resumes,
    Story,
    TakesBack,
)
from portal.demo.seed import seed
from portal.demo.staff import StaffAct
from portal.demo.surroundings import Stuck as Stuck
from portal.demo.surroundings import surroundings
from portal.demo.transport import InProcess
from portal.demo.travel import Pass, Traveller, latest_row
from portal.domain.consent import Agreement
from portal.domain.money import Money
from portal.domain.user import Person
from portal.jobs import JOBS, Job
from portal.queries import invoices, subscriptions
from portal.queries import methods as saved_methods
from portal.queries.subscriptions import SubscriptionCard
from portal.services import buy, cancel, clock, close_invoice, methods, refund, save_method
from portal.services.buy import BuyRequest

HALF_A_YEAR = timedelta(days=183)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ADDRESS = "203.0.113.24"  # of RFC 5737, for examples


class Interrupted(Exception):
    """A past that was begun and never finished."""


@dataclass(frozen=True)
class Seeded:
    plans: int
    people: int


@dataclass(frozen=True)
class Scene:
    at: datetime
    login: str  # of the customer it is about; "": it is about a plan
    act: Act | StaffAct


def live(pass_by: Pass, stories: Sequence[Story] = STORIES) -> Seeded:
    """Put the plans on sale, and where nothing has happened yet, half a year ago, and let the half year pass.

    Beside a payment system that is real nobody has a past: its time cannot be set back.
    Raises Interrupted, Stuck, SomebodyTravels.
    """
    with clock.travelling() as go_on:
        if clock.read_offset(db.engine) < timedelta(0):
            raise Interrupted(
                "an earlier seeding was interrupted: run `make reset` (or empty the databases) and start again"
            )
        if latest_row() is not None or set(runtime.providers) != {"sandbox"}:
            return Seeded(seed(), 0)
        today = real_now()
        clock.move_to(today - HALF_A_YEAR)
        plans = seed()
        play = Play(stories, today)
        with surroundings() as around:
            traveller = Traveller([play.job, *around, *JOBS], go_on, lambda _: None, pass_by)
            traveller.go(today)
            clock.move_by(timedelta(0))
            traveller.go(today)  # what became due in the seconds that all this took
        return Seeded(plans, len({story.login for story in stories}))


class Play:
    """The acts of all stories in the order of their moments, as a job of the traveller."""

    def __init__(self, stories: Sequence[Story], today: datetime) -> None:
        self._players = {person.login: Player(person) for person in CAST}
        self._scenes = sorted(_scenes(stories, today), key=lambda scene: scene.at)
        self._played = 0
        self.job = Job("people", timedelta(seconds=1), self._run_once, self._next_due)

    def _next_due(self) -> datetime | None:
        return self._scenes[self._played].at if self._played < len(self._scenes) else None

    def _run_once(self) -> int:
        scene = self._scenes[self._played]
        try:
            self._perform(scene)
        except Exception as error:
            raise Stuck(f"{scene.login} could not do what the script says, {scene.act}: {error!r}") from error
        self._played += 1
        return 1

    def _perform(self, scene: Scene) -> None:
        if isinstance(scene.act, StaffAct):
            staff.perform(scene.act, scene.login)
        else:
            self._players[scene.login].perform(scene.act)


def _scenes(stories: Sequence[Story], today: datetime) -> list[Scene]:
    lived = [
        Scene(today - timedelta(days=story.ago) + timedelta(days=days), story.login, act)
        for story in stories
        for days, act in story.plot
    ]
    return lived + [Scene(today - timedelta(days=ago), "", act) for ago, act in SHOP]


class Player:
    """One of the cast, at the portal and on the payment system's pages."""

    def __init__(self, person: DemoPerson) -> None:
        self._person = Person(person.login, person.email, person.locale, person.zone)
        self._agreed = Agreement(True, True, True, "cabinet", person.locale, ADDRESS, BROWSER)

    def perform(self, act: Act) -> None:
        me = self._person
        match act:
            case Buys():
                _hand_over(self._order(act.plan, act.count, act.currency), act.card)
            case Orders():
                self._order(act.plan)
            case Pays():
                _hand_over(buy.pay_again(me, self._unpaid()).redirect_url, act.card)
            case DropsOrder():
                close_invoice.close(me, self._unpaid())
            case Cancels():
                cancel.cancel(me, self._subscription(act.group), "now" if act.at_once else "period_end")
            case Resumes():
                cancel.resume(me, self._subscription("main"))
            case TakesBack():
                refund.accept(me, self._bought_last()[1], act.offer, None)
            case AsksBack():
                card, invoice_id = self._bought_last()
                refund.request(me, invoice_id, Money(act.minor, card.price.currency), act.why)
            case ChangesCard():
                _hand_over(save_method.start(me, self._agreed), act.card)
            case RemovesCard():
                methods.remove(me, saved_methods.of_user(me.id)[0].id)
            case RefundRefused():
                _plan_fault("decline")
            case RefundSlow():
                _plan_fault("pending_then_late", after=timedelta(days=act.days).total_seconds())

    def _order(self, plan: str, count: int = 1, currency: str | None = None) -> str:
        return buy.buy(self._person, BuyRequest(plan, count, self._agreed, currency=currency)).redirect_url

    def _unpaid(self) -> UUID:
        found, _ = invoices.page_of_user(self._person.id, limit=20, offset=0)
        return next(entry.invoice.id for entry in found if entry.invoice.state == "not_paid")

    def _subscription(self, group: str) -> UUID:
        found = subscriptions.in_group(self._person.id, group)
        assert found is not None  # noqa: S101 - the script says so
        return found.id

    def _bought_last(self) -> tuple[SubscriptionCard, UUID]:
        card = subscriptions.of_user(self._person.id, runtime.clock.now(), runtime.policy)[0]
        assert card.last_invoice_id is not None  # noqa: S101 - the script says so
        return card, card.last_invoice_id


def _hand_over(page: str, card: str) -> None:
    """A card on the hosted page, and where the bank asks, yes."""
    with _outside() as http:
        answer = _sent_on(http.post(page, data={"card_number": card, "expiry": "12/34", "cvc": "123"}))
        if answer.endswith("/confirm"):
            _sent_on(http.post(answer, data={"decision": "confirm"}))


def _sent_on(answer: httpx.Response) -> str:
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise RuntimeError(f"the hosted page answered {answer.status_code}")
    return answer.headers["Location"]


def _plan_fault(fault: str, **more: object) -> None:
    """For the next refund, whoever asks for it."""
    key = runtime.settings.secret("sandbox_api_key")
    order = {"fault": fault, "match": {"operation": "refund"}, **more}
    with _outside() as http:
        headers = {"Authorization": f"Bearer {key}"}
        http.post("/sandbox/v1/test/faults", json=order, headers=headers).raise_for_status()


def _outside() -> httpx.Client:
    return httpx.Client(base_url=runtime.settings.origin, transport=InProcess(current_app, mount=""))
