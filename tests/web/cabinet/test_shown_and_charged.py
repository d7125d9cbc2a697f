"""What a page said would be charged is what is charged, through half a year of lives in which anything happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from portal.domain.money import Money
from portal.presentation.money import money
from portal.services import move_price, plans
from tests.services.desk import press
from tests.services.month import DAY, DECLINES_LATER, MINUTE, do
from tests.services.promise import moment_of, uuid_of
from tests.services.trial import with_trial
from tests.web.cabinet.visitor import Visitor, _text
from tests.world import GOOD_CARD, World

HALF_A_YEAR = timedelta(days=183)
PEOPLE = ("alice", "boris", "clara")
NAMES = {"standard": "Standard", "premium": "Premium", "premium-year": "Premium for a year", "sport": "Sport"}
FILMS = ("standard", "premium", "premium-year")
SUM = r"(RUB [\d,.]+\d)"
UPCOMING = re.compile(rf"(?:Next charge|First charge|Next try) (?:[^,]+, )?{SUM}|Due {SUM}")
TODAY = re.compile(rf"To pay today {SUM}")
BUTTON = re.compile(rf"^Pay {SUM}")


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.chaos) for seed in (2, 3, 4))])
def test_what_a_page_said_would_be_charged_is_charged(world: World, seed: int) -> None:
    life = Life(world, Random(seed))
    life.live()
    assert not life.wrong, "\n".join(life.wrong)
    assert life.charges > 10
    assert life.kinds >= {"purchase", "renewal", "plan_change"}
    assert unproven(world) == []


class Life:
    """People who do what comes to their minds; before anything happens they read what it will cost."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world, self.chance = world, chance
        self.visitors = {login: Visitor(world, login) for login in PEOPLE}
        self.seen: set[UUID] = set()
        self.wrong: list[str] = []
        self.kinds: set[str] = set()
        self.charges = 0
        with_trial(world, "sport", days=14)

    def live(self) -> None:
        end = self.world.clock.at + HALF_A_YEAR
        moves = self.world.clock.at + HALF_A_YEAR / 3
        while self.world.clock.at < end:
            if moves and self.world.clock.at > moves:
                self.raise_prices()
                moves = None
            login = self.chance.choice(PEOPLE)
            self.act(login)
            self.pass_until(min(self.next_due(), self.world.clock.at + self.chance.uniform(1, 12) * DAY))

    def pass_until(self, moment: datetime) -> None:
        if moment < self.next_due():
            self.world.clock.at = moment
            return
        said = {login: self.said(login) for login in PEOPLE}
        self.world.pass_time(max(moment - self.world.clock.at, timedelta(0)) + MINUTE)
        self.compare(said)

    def next_due(self) -> datetime:
        waits = self.world.rows("SELECT min(next_action_at) AS at FROM subscriptions WHERE next_action_at IS NOT NULL")
        at = waits[0]["at"]
        return moment_of(at) if at else self.world.clock.at + 30 * DAY

    # Reading

    def said(self, login: str) -> dict[str, str]:
        """By plan: what the first page of the cabinet says is charged next."""
        page = self.visitors[login].open("/cabinet").page
        found = {}
        for card in page.find(".//main").iter("article"):
            if told := UPCOMING.search(" ".join(" ".join(card.itertext()).replace("\u00a0", " ").split())):
                found[_text(card.find(".//h2"))] = told[1] or told[2]
        return found

    def compare(self, said: dict[str, dict[str, str]]) -> None:
        """`said`: by person and plan, before what has happened since."""
        for row in self.payments():
            expected = said[row["user_id"]].get(row["plan"])
            charged = money(Money(row["amount_minor"], row["currency"]), "en").replace("\u00a0", " ")
            self.kinds.add(row["reason"])
            self.charges += 1
            if charged != expected:
                self.wrong.append(
                    f"{row['user_id']}, {row['plan']}, {row['reason']}: {expected} said, {charged} charged"
                )

    def payments(self) -> list[dict[str, Any]]:
        """Those that are new, also the declined."""
        found = self.world.rows(
            "SELECT p.id, p.user_id, p.amount_minor, p.currency, i.reason, l.names FROM payments p "
            "JOIN invoices i ON i.id = p.invoice_id JOIN invoice_lines l ON l.invoice_id = i.id AND l.position = 1 "
            "WHERE p.sent_at IS NOT NULL AND p.amount_minor > 0"
        )
        fresh = [row for row in found if uuid_of(row["id"]) not in self.seen]
        self.seen |= {uuid_of(row["id"]) for row in fresh}
        return [
            row | {"plan": next(name for name in NAMES.values() if f'"{name}"' in str(row["names"]))} for row in fresh
        ]

    # Acting

    def act(self, login: str) -> None:
        mine = {one["product_id"]: one for one in self.world.sign_in(login).get("/subscriptions").json}
        live = [one for one in mine.values() if one["status"] in ("active", "trialing", "past_due", "suspended")]
        films = next((one for one in live if one["product_id"] in FILMS), None)
        acts: list[Callable[[], None]] = []
        if films is None:
            acts += 3 * [lambda: self.buy(login, self.chance.choice(FILMS), self.chance.choice((1, 1, 2)))]
        elif films["status"] == "active":
            acts += [lambda: self.change(login, films), lambda: self.buy(login, films["product_id"], 1)]
            acts += [lambda: self.leave(login, films)]
        elif films["status"] != "trialing":
            acts += 3 * [lambda: self.buy(login, films["product_id"], 1)]
        if not any(one["product_id"] == "sport" for one in live):
            acts += [lambda: self.buy(login, "sport", 1)]
        self.chance.choice(acts)()
        self.world.drain()

    def buy(self, login: str, plan: str, count: int) -> None:
        """By what the check page says."""
        visitor = self.visitors[login].open(f"/buy/{plan}?count={count}")
        if visitor.status != 200:
            return
        labels = map(_text, visitor.page.find(".//main").iter("button"))
        label = next(text for text in labels if text.startswith(("Pay", "Start")))
        boxes = dict.fromkeys(("terms", "personal_data", "renewal"), "on")
        visitor.press(label, **boxes)
        if visitor.status == 303:
            card = self.chance.choice((GOOD_CARD, GOOD_CARD, DECLINES_LATER))
            self.world.pay(visitor.answer.location, card)
        said = BUTTON.match(label)
        self.compare({login: {NAMES[plan]: said[1] if said else "nothing"}})

    def change(self, login: str, mine: dict[str, Any]) -> None:
        """By what the page says before it is confirmed."""
        wanted = self.chance.choice([code for code in FILMS if code != mine["product_id"]])
        visitor = self.visitors[login].open(f"/cabinet/subscriptions/{mine['subscription_id']}/change")
        if visitor.status != 200:
            return
        visitor.press("See what it comes to", product=wanted)
        told = TODAY.search(visitor.read)
        if visitor.status != 200 or told is None:
            return
        visitor.press("Pay" if not told[1].endswith(" 0.00") else "Change")
        self.compare({login: {NAMES[wanted]: told[1]}})

    def leave(self, login: str, mine: dict[str, Any]) -> None:
        caller, path = self.world.sign_in(login), f"/subscriptions/{mine['subscription_id']}"
        if mine["auto_renew"]:
            assert caller.post(f"{path}/cancel", {"when": "period_end"}).status_code == 200
        else:
            caller.post(f"{path}/resume", {})

    def raise_prices(self) -> None:
        """Of Standard and of Sport, from in ten days on."""
        for code, minor in {"standard": 34900, "sport": 27900}.items():
            row = self.world.one(
                "SELECT p.id, p.plan_id FROM prices p JOIN plans ON plans.id = p.plan_id "
                "WHERE plans.code = :code AND p.currency = 'RUB'",
                code=code,
            )
            plan, old = uuid_of(row["plan_id"]), uuid_of(row["id"])
            starts = self.world.clock.at + 10 * DAY
            new = do(self.world, plans.add_price, press(), plan, Money(minor, "RUB"), starts)
            do(self.world, move_price.move_price, press(), plan, old, new, starts)


def explained(world: World, login: str, guid: str, total: str) -> bool:
    """The words between their heading and the next one tell the sum that was taken."""
    _, _, below = Visitor(world, login).open(f"/cabinet/invoices/{guid}").read.partition("Why you were charged")
    return total in below.partition("What it is for")[0]


# What must be there for each invoice that was paid: a name, and whether its page has it.
PROOFS: dict[str, Callable[[World, str, str, str], bool]] = {
    "explanation": explained,
    "receipt": lambda world, login, guid, total: (
        total in Visitor(world, login).open(f"/cabinet/invoices/{guid}/receipt").read
    ),
}


def unproven(world: World) -> list[str]:
    paid = world.rows(
        "SELECT id, user_id, total_minor, currency FROM invoices WHERE state = 'paid' AND total_minor > 0"
    )
    assert paid
    return [
        f"no {name} for {row}"
        for row in paid
        for name, proves in PROOFS.items()
        if not proves(
            world,
            row["user_id"],
            str(uuid_of(row["id"])),
            money(Money(row["total_minor"], row["currency"]), "en").replace("\u00a0", " "),
        )
    ]
