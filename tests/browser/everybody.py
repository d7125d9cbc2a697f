"""A customer in every state that the pages know, in one world at one moment, and what each of them looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask, abort, template_rendered
from sqlalchemy.exc import OperationalError
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.domain import errors
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import cancel, change_plan, erase, methods, move_price, parking, plans, refund, save_method
from portal.web.cabinet.leave import proof_of
from tests.services.bank import bank, payment_of
from tests.services.desk import press
from tests.services.month import AGREED, DAY, MINUTE, do
from tests.services.promise import uuid_of
from tests.services.stubborn import plan_fault
from tests.services.trial import with_trial
from tests.world import GOOD_CARD, World, csrf_of, path_of

DECLINES_LATER = "4000 0000 0000 0341"
ASKS_LATER = "4000 0027 6000 3184"
CHALLENGED = "4000 0000 0000 3220"
MASTERCARD = "5555 5555 5555 4444"
DECLINED = {  # by decline code
    "generic": "4000 0000 0000 0002",
    "insufficient_funds": "4000 0000 0000 9995",
    "lost_card": "4000 0000 0000 9987",
    "expired_card": "4000 0000 0000 0069",
}
REFUNDS = ("requested", "rejected", "submitted", "pending", "unknown", "succeeded", "failed")
NOBODYS = {"email": "nobody@example.com", "number": "M-2027-000001"}
INVOICES = {"paid": "elena", "not paid": "petra", "declined": "yuri", "expired": "lev", "disputed": "fedor"}
LARGE = 300 * 1024

ROOMS = ("cabinet.", "docs.")  # whose pages are looked at; the back office's are in its own tests
# For a script, files, and an old address that leads on.
NO_PAGES = {
    "cabinet.payment_state",
    "cabinet.methods_state",
    "cabinet.receipt_pdf",
    "cabinet.data_export",
    "docs.beside_the_api",
}
RAISE = "raise"  # the endpoint that this file adds


@dataclass(frozen=True)
class Look:
    """A page as somebody sees it: opened, or the answer to a form that was sent from it."""

    what: str
    path: str
    login: str | None = None
    status: int = 200
    to: str | None = None
    sends: Mapping[str, str] = field(default_factory=dict)
    token: bool = True

    def __str__(self) -> str:
        return f"{self.what} ({self.login or 'a stranger'} at {self.to or self.path})"


def add_troubles(app: Flask) -> None:
    """An address that raises what a page may meet and no address of the portal raises at will."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def trouble(what: str) -> str:
        raised = {
            "409": errors.Conflict("changed meanwhile"),
            "429": errors.RateLimited("too many", retry_after=timedelta(seconds=30)),
            "500": RuntimeError("a mistake of ours"),
            "503": OperationalError("", {}, Exception("the database is away")),
            "provider": errors.ProviderUnavailable("no answer", retry_after=timedelta(seconds=5)),
        }
        if what in raised:
            raise raised[what]
        abort(int(what))

    app.add_url_rule("/raise/<what>", RAISE, trouble)


TROUBLES = {"400": 400, "403": 403, "404": 404, "405": 405, "409": 409, "413": 413, "429": 429, "500": 500, "503": 503}


class Everybody:
    """Named by what they are there for; the logins are the demo's cast, whom Auth knows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._invoices: dict[str, str] = {}
        self.looks: list[Look] = []
        self.rendered: dict[str, list[dict[str, Any]]] = {}  # by template: with what
        self._answers: dict[str, list[tuple[Look, TestResponse]]] = {}
        self._seed()
        self._live()
        self._look()

    def answers(self, language: str) -> list[tuple[Look, TestResponse]]:
        """What everybody is answered, asked once."""
        if language not in self._answers:
            with template_rendered.connected_to(self._note, self.world.app):
                self._answers[language] = [(look, self._answer(look, language)) for look in self.looks]
        return self._answers[language]

    def _note(self, _: object, template: Any, context: dict[str, Any], **__: object) -> None:
        self.rendered.setdefault(template.name, []).append(context)

    def _answer(self, look: Look, language: str) -> TestResponse:
        client = self.world.browser(look.login, language) if look.login else self.world.app.test_client()
        client.set_cookie("lang", language, domain="localhost")
        answer = client.get(look.path)
        if look.to is None:
            return answer
        token = {"csrf_token": csrf_of(answer.text)} if look.token else {}
        return client.post(look.to, data={**look.sends, **token}, follow_redirects=True)

    # What happens

    def _seed(self) -> None:
        self.world.seed()
        with_trial(self.world, "sport")

    def _live(self) -> None:
        world = self.world
        self._buy("timur", card=DECLINES_LATER)  # will be suspended
        self._buy("kirill", card=DECLINES_LATER)  # the same, and the bank will never take the card again
        world.buy(world.sign_in("lev"))  # never paid
        world.pass_time(8 * DAY)
        self._buy("rita", card=DECLINES_LATER)  # will be past due
        self._buy("larisa", card=DECLINES_LATER)
        self._buy("ilya", card=ASKS_LATER)
        for days in (23, 7):
            world.pass_time(days * DAY + MINUTE)
        plans_of = {"elena": "premium", "irina": "premium-year", "jack": "sport", "emma": "sport", "henry": "sport"}
        alone = (
            "alice",
            "sasha",
            "zoya",
            "nadia",
            "fedor",
            "oleg",
            "raisa",
            "tamara",
            "maxim",
            "marta",
            "gleb",
            "pavel",
        )
        for login, plan in {**dict.fromkeys(alone, "standard"), **plans_of}.items():
            self._buy(login, plan)
        world.drain()
        seen = do(world, change_plan.preview, _person("alice"), self._subscription("alice"), "premium")
        self._yesterdays_quote = seen.quote.id
        world.pass_time(DAY + MINUTE)
        self._renewed_without_card("kirill")
        self._renewed_without_card("larisa")
        self._today()

    def _today(self) -> None:
        """18 February 2027: what is to be seen only on the day, and what people do who have a subscription."""
        world = self.world
        for login, card in zip(("yuri", "oliver", "mila", "lucy"), DECLINED.values(), strict=True):
            self._buy(login, "premium", card=card)
        self._three_d_refused("arkady")
        plan_fault(world, "pending_then_late", "pay", after=10 * 24 * 3600)
        self._buy("roman")
        self._order("petra", "premium")
        self._order("grace", "sport")  # a trial that waits for its card
        self._order("ksenia")
        plan_fault(world, "error_before", "start_checkout")
        unanswered = world.sign_in("stepan").post("/purchases", {"product_id": "standard", "product_count": 1})
        assert unanswered.status_code == 503
        world.drain()
        self._acts()
        world.drain()

    def _acts(self) -> None:
        world = self.world
        self._cancel("sasha", "period_end")
        self._cancel("oleg", "now")
        self._cancel("emma", "period_end")
        do(world, methods.remove, _person("zoya"), self._method("zoya"))
        do(world, parking.park, press("clarified"), self._subscription("nadia"))
        do(world, parking.park, press("clarified"), self._subscription("henry"))
        bank(world, payment_of(world, UUID(self._invoices["fedor"])))
        do(world, refund.accept, _person("raisa"), UUID(self._invoices["raisa"]), "full", None)
        self._book_cheaper("elena")
        self._raise_the_price("premium-year")
        self._refunds("tamara")
        self._save_card("maxim", MASTERCARD)  # a second card
        do(world, save_method.start, _person("marta"), AGREED)  # the page is open
        self._save_card("galina", DECLINED["lost_card"])
        self._superseded("anna")
        do(world, erase.erase, _person("pavel"), frozenset({self._subscription("pavel")}))
        world.write("UPDATE payments SET review_at = :at WHERE user_id = 'petra'", at=_at(world))
        world.write("UPDATE payments SET state = 'aborted' WHERE user_id = 'ksenia'")
        world.write("UPDATE payment_methods SET expires = '2026-12' WHERE user_id = 'gleb'")

    def _buy(self, login: str, plan: str = "standard", card: str = GOOD_CARD) -> None:
        self.world.pay(self._order(login, plan)["redirect_url"], card)
        if card != GOOD_CARD:
            self.world.drain()

    def _order(self, login: str, plan: str = "standard") -> dict[str, Any]:
        order = self.world.buy(self.world.sign_in(login), plan)
        self._invoices[login] = order["invoice_guid"]
        return order

    def _three_d_refused(self, login: str) -> None:
        client, order = self.world.app.test_client(), self._order(login)
        self.world.pay(order["redirect_url"], CHALLENGED, client)
        client.post(f"{path_of(order['redirect_url'])}/confirm", data={"decision": "refuse"})

    def _renewed_without_card(self, login: str) -> None:
        self.world.write("UPDATE payment_methods SET dead_at = created_at WHERE user_id = :u", u=login)
        self.world.write("UPDATE subscriptions SET method_dead = (1 = 1) WHERE user_id = :u", u=login)

    def _cancel(self, login: str, when: str) -> None:
        do(self.world, cancel.cancel, _person(login), self._subscription(login), when)

    def _book_cheaper(self, login: str) -> None:
        seen = do(self.world, change_plan.preview, _person(login), self._subscription(login), "standard")
        do(self.world, change_plan.change, _person(login), seen.quote.subscription_id, "standard", seen.quote.id)

    def _raise_the_price(self, code: str) -> None:
        world = self.world
        found = world.rows(
            "SELECT p.plan_id, p.id FROM prices p JOIN plans ON plans.id = p.plan_id "
            "WHERE plans.code = :code AND p.currency = 'RUB'",
            code=code,
        )
        plan_id, old = uuid_of(found[0]["plan_id"]), uuid_of(found[0]["id"])
        now = world.clock.at
        new = do(world, plans.add_price, press(), plan_id, Money(599000, "RUB"), now + DAY)
        do(world, move_price.move_price, press(), plan_id, old, new, now + 30 * DAY)

    def _refunds(self, login: str) -> None:
        """One of each state, of one payment."""
        for n, state in enumerate(REFUNDS):
            asked = do(
                self.world,
                refund.request,
                _person(login),
                UUID(self._invoices[login]),
                Money(4000 + 10 * n, "RUB"),
                "Не было звука.",
            )
            if state != "requested":
                self.world.write(
                    "UPDATE refunds SET state = :s, sent_at = created_at, grounds = :g WHERE id = :id",
                    s=state,
                    g="time_used" if state == "rejected" else None,
                    id=asked.hex,
                )
            self._invoices[f"refund {state}"] = str(asked)

    def _save_card(self, login: str, card: str) -> None:
        self.world.pay(do(self.world, save_method.start, _person(login), AGREED), card)
        self.world.drain()

    def _superseded(self, login: str) -> None:
        self._order(login)
        self.world.buy(self.world.sign_in(login), "premium")

    # Where everything is

    def _subscription(self, login: str) -> UUID:
        return self._id("subscriptions", login)

    def _method(self, login: str) -> UUID:
        return self._id("payment_methods", login)

    def _invoice(self, login: str) -> UUID:
        return self._id("invoices", login)

    def _id(self, table: str, login: str) -> UUID:
        newest = f"SELECT id FROM {table} WHERE user_id = :u ORDER BY created_at DESC, id DESC"  # noqa: S608 - our own
        return uuid_of(self.world.rows(newest, u=login)[0]["id"])

    def _proof(self, login: str) -> str:
        with self.world.app.app_context():
            return proof_of(self._subscription(login))

    def _page_of(self, table: str, login: str) -> str:
        found = self.world.one(f"SELECT redirect_url FROM {table} WHERE user_id = :u", u=login)  # noqa: S608 - as above
        return path_of(found["redirect_url"])

    # What is looked at

    def _look(self) -> None:
        for part in (self._of_strangers, self._of_the_map, self._overviews, self._payments, self._forms, self._methods):
            self.looks.extend(part())
        for part in (
            self._money_back,
            self._leaving,
            self._doubts,
            self._data,
            self._lists,
            self._hosted,
            self._elsewhere,
            self._troubles,
        ):
            self.looks.extend(part())

    def _of_strangers(self) -> Iterator[Look]:
        for path in ("/", "/terms", "/privacy", "/auth/login", "/cinema/"):
            yield Look("a stranger", path)
        yield Look("a stranger", "/cinema/second-moon", status=403)
        yield Look("a stranger", "/none-such", status=404)

    def _of_the_map(self) -> Iterator[Look]:
        """Every page there is, as somebody with a subscription: a new one is looked at without being added here."""
        values = {
            "code": "premium-year",
            "guid": str(self._invoices["tamara"]),
            "cabinet.refund_state guid": self._invoices["refund requested"],
            "cabinet.cancel guid": str(self._subscription("tamara")),
            "cabinet.change guid": str(self._subscription("tamara")),
            "cabinet.method_remove guid": str(self._method("tamara")),
            "cabinet.left token": self._proof("tamara"),
        }
        for rule in pages(self.world):
            if rule.endpoint == "cabinet.leave":
                continue  # leads tamara on to her one subscription
            path = filled(rule, values)
            yield Look(rule.endpoint, path, "tamara", 409 if rule.endpoint == "cabinet.check" else 200)

    def _overviews(self) -> Iterator[Look]:
        states = {
            "nothing": "boris",
            "active": "alice",
            "will end": "sasha",
            "without a card": "zoya",
            "parked": "nadia",
            "disputed": "fedor",
            "ended": "oleg",
            "ended by a refund": "raisa",
            "past due": "rita",
            "past due, dead card": "larisa",
            "suspended": "timur",
            "suspended, dead card": "kirill",
            "to be confirmed at the bank": "ilya",
            "trial": "jack",
            "trial that will end": "emma",
            "trial, parked": "henry",
            "awaiting first payment": "yuri",
            "awaiting the card of a trial": "grace",
            "booked change": "elena",
            "price moved": "irina",
            "a card that runs out": "gleb",
        }
        return (Look(f"overview: {state}", "/cabinet", login) for state, login in states.items())

    def _payments(self) -> Iterator[Look]:
        states = {
            "paid": "alice",
            "paid, a trial": "jack",
            "declined": "yuri",
            "declined for lack of money": "oliver",
            "declined, lost card": "mila",
            "declined, expired card": "lucy",
            "declined at 3-D Secure": "arkady",
            "waiting": "roman",
            "review": "petra",
            "unfinished": "ilya",
            "unfinished, a trial": "grace",
            "unpaid": "ksenia",
            "unavailable": "stepan",
            "expired": "lev",
        }
        for state, login in states.items():
            yield Look(f"payment: {state}", f"/payments/{self._invoice(login)}", login)
        yield Look("payment: superseded", f"/payments/{self._invoices['anna']}", "anna")

    def _forms(self) -> Iterator[Look]:
        yield Look("check page", "/buy/premium", "boris")
        yield Look("check page of a trial", "/buy/sport", "boris")
        yield Look("check page, prolonging", "/buy/standard", "alice")
        yield Look("check page after suspension", "/buy/standard", "timur")
        change = f"/cabinet/subscriptions/{self._subscription('alice')}/change"
        for product in ("premium", "premium-year"):
            yield Look(f"change to {product}", change, "alice", to=change, sends={"product": product})
        cheaper = f"/cabinet/subscriptions/{self._subscription('elena')}/change"
        yield Look("change to something cheaper", cheaper, "elena", to=cheaper, sends={"product": "standard"})
        void = {"product": "premium", "quote": str(self._yesterdays_quote)}
        yield Look("change at sums that no longer hold", change, "alice", 409, to=change, sends=void)
        for name, path in self.empty_forms().items():
            yield Look(f"{name}, sent empty", path, "alice", 422, to=path)

    def empty_forms(self) -> dict[str, str]:
        """Where a form with something to fill in stands, for alice."""
        mine = f"/cabinet/subscriptions/{self._subscription('alice')}"
        return {
            "cabinet.check": "/buy/standard",
            "cabinet.cancel": f"{mine}/cancel",
            "cabinet.change": f"{mine}/change",
            "cabinet.method_add": "/cabinet/methods/add",
            "cabinet.refund": f"/cabinet/invoices/{self._invoices['alice']}/refund",
            "cabinet.data_erase": "/cabinet/data/erase",
            "cabinet.leave": "/cancel?account=other",
        }

    def _methods(self) -> Iterator[Look]:
        states = {
            "none": "boris",
            "none, with a subscription": "zoya",
            "one": "alice",
            "two, one just saved": "maxim",
            "dead": "kirill",
            "past its date": "gleb",
            "page open": "marta",
            "not saved": "galina",
        }
        for state, login in states.items():
            yield Look(f"methods: {state}", "/cabinet/methods", login)
        yield Look("methods: removed", f"/cabinet/methods?removed={self._method('zoya')}", "zoya")
        for login in ("rita", "timur", "maxim", "sasha"):
            yield Look("removing a card", f"/cabinet/methods/{self._method(login)}/remove", login)

    def _money_back(self) -> Iterator[Look]:
        for state in REFUNDS:
            yield Look(f"refund: {state}", f"/cabinet/refunds/{self._invoices[f'refund {state}']}", "tamara")
        yield Look("refund: accepted", f"/cabinet/refunds/{self._id('refunds', 'raisa')}", "raisa")
        for what, login in {"offers": "alice", "disputed": "fedor", "nothing left": "raisa", "not paid": "lev"}.items():
            yield Look(f"asking for a refund: {what}", f"/cabinet/invoices/{self._invoice(login)}/refund", login)

    def _leaving(self) -> Iterator[Look]:
        states = {"will end": "sasha", "ended": "oleg", "no card": "zoya", "disputed": "fedor"}
        for what, login in {"ends later": "sasha", "ended": "oleg"}.items():
            yield Look(f"proof without sign-in: {what}", f"/cancel/{self._proof(login)}")
        yield Look("proof whose address is too old", "/cancel/none-such", status=410)
        yield Look("cancelling without sign-in, nothing found", "/cancel", None, 422, to="/cancel", sends=NOBODYS)
        yield Look("cancelling without sign-in", "/cancel")
        for what, login in states.items():
            yield Look(f"proof: {what}", f"/cabinet/subscriptions/{self._subscription(login)}/cancel", login)
        choices = {"active": "alice", "trial": "jack", "past due": "rita", "suspended": "timur", "parked": "nadia"}
        for what, login in choices.items():
            yield Look(f"cancelling: {what}", f"/cabinet/subscriptions/{self._subscription(login)}/cancel", login)

    def _doubts(self) -> Iterator[Look]:
        yield Look("a charge that nobody knows", "/unrecognised")
        for what, login in {"ended": "oleg", "not paid": "petra", "disputed": "fedor", "given back": "raisa"}.items():
            yield Look(f"not recognised: {what}", f"/cabinet/invoices/{self._invoice(login)}/unrecognised", login)

    def _data(self) -> Iterator[Look]:
        for login in ("boris", "alice"):
            yield Look("my data", "/cabinet/data", login)
        for what, login in {"one runs": "alice", "waits for an order": "petra", "waits for the bank": "fedor"}.items():
            yield Look(f"erasing: {what}", "/cabinet/data/erase", login)
        yield Look("my data, erased", "/cabinet/data", "pavel")

    def _lists(self) -> Iterator[Look]:
        for name in ("invoices", "history"):
            for login in ("boris", "timur", "raisa"):
                yield Look(f"{name} of {login}", f"/cabinet/{name}", login)
        yield Look("past the last page", "/cabinet/invoices?page=9", "alice")
        yield Look("nothing older", "/cabinet/history?before=1", "alice")
        for what, login in INVOICES.items():
            yield Look(f"invoice: {what}", f"/cabinet/invoices/{self._invoice(login)}", login)
        yield Look("plans of a subscriber", "/", "alice")
        yield Look("another plan of the group", "/buy/premium", "alice", 409)

    def _hosted(self) -> Iterator[Look]:
        """The sandbox's pages."""
        page = self._page_of("payments", "petra")
        yield Look("hosted page", page, "petra")
        yield Look("hosted page, sent empty", page, "petra", 422, to=page, token=False)
        saves = path_of(
            self.world.one("SELECT redirect_url FROM method_setups WHERE user_id = 'marta'")["redirect_url"]
        )
        yield Look("hosted page that saves a card", saves, "marta")
        challenged = {"card_number": CHALLENGED, "expiry": "12/34", "cvc": "123"}
        asks = self._page_of("payments", "ksenia")
        yield Look("3-D Secure", asks, "ksenia", to=asks, sends=challenged, token=False)
        yield Look("no such hosted page", "/sandbox/pay/none-such", None, 404)

    def _elsewhere(self) -> Iterator[Look]:
        yield Look("a film that is open", "/cinema/second-moon", "elena")
        yield Look("a film of another plan", "/cinema/cup-final", "alice", 403)
        yield Look("no such film", "/cinema/none-such", "alice", 404)
        yield Look("sign-in", "/auth/login", "alice")
        yield Look("components", "/styleguide", "alice")

    def _troubles(self) -> Iterator[Look]:
        for what, status in {**TROUBLES, "provider": 503}.items():
            yield Look(f"trouble: {what}", f"/raise/{what}", "alice", status)
        yield Look("unknown plan", "/buy/none-such", "alice", 400)
        yield Look("bad query", "/cabinet/invoices?page=x", "alice", 400)
        yield Look("somebody else's", f"/cabinet/invoices/{self._invoices['raisa']}", "alice", 404)
        yield Look("the back office", "/admin/", "alice", 403)
        yield Look("cannot be opened", "/language", "alice", 405)
        form = {"terms": "on", "personal_data": "on", "email": "me@example.com", "count": "2"}
        yield Look("expired form", "/buy/premium", "boris", 400, to="/buy/premium", sends=form, token=False)
        yield Look("form that is too large", "/buy/premium", "boris", 413, to="/buy/premium", sends={"x": "x" * LARGE})
        resume = f"/cabinet/subscriptions/{self._subscription('zoya')}/resume"
        yield Look("resuming without a card", "/cabinet", "zoya", 409, to=resume)


def pages(world: World) -> list[Rule]:
    listed = [rule for rule in world.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return [rule for rule in listed if rule.endpoint.startswith(ROOMS) and rule.endpoint not in NO_PAGES]


def filled(rule: Rule, values: Mapping[str, str]) -> str:
    path = rule.rule
    for name in rule.arguments:
        value = values.get(f"{rule.endpoint} {name}", values.get(name))
        assert value is not None, (
            f"say in tests/browser/everybody.py what {name} of {rule.rule} ({rule.endpoint}) may be"
        )
        path = "".join(value if f"{name}>" in part else part for part in split(path))
    return path


def split(path: str) -> list[str]:
    """`/a/<uuid:b>/c` in its fixed and its variable parts."""
    return path.replace("<", "\0<").replace(">", ">\0").split("\0")


def _person(login: str) -> Person:
    return Person(login, email=f"{login}@example.com")


def _at(world: World) -> str:
    return world.clock.at.strftime("%Y-%m-%d %H:%M:%S.%f")
