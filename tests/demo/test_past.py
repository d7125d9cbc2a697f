"""The half year behind a seeded demo: what is there in the end, and that the portal, its bank and Auth agree on it."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from copy import copy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal import runtime
from portal.clock import real_now
from portal.config import Settings
from portal.demo import past
from portal.demo.auth.people import CAST, PEOPLE
from portal.demo.cast import STORIES, Cancels, Story
from portal.demo.travel import latest_row
from portal.domain.money import Money
from portal.providers.port import CheckoutOrder
from portal.services import audit
from portal.services.clock import somebody_travels
from tests.conftest import database_named, empty_out, settings_for
from tests.services import promise
from tests.services.promise import moment_of
from tests.world import World

pytestmark = pytest.mark.xdist_group("cinema with a past")

# All but those that know of no refund by a customer.
PROMISES = [
    check for check in promise.CHECKS if check not in (promise.one_net_charge, promise.success_per_paid_invoice)
]
AN_HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def cinema(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[World]:
    """Embedded, as `make demo` seeds it; nobody changes anything in it."""
    folder = tmp_path_factory.mktemp("cinema")
    shutil.copy(sqlite_template, folder / "portal.db")
    world = World(Settings(_env_file=None, data_dir=folder, port=8024), travels=True)  # type: ignore[call-arg]  # pydantic's own
    assert live(world) == past.Seeded(plans=4, people=len(CAST))
    yield world
    world.close()


def test_what_is_built_once_for_many_tests_is_built_on_one_worker(request: pytest.FixtureRequest) -> None:
    """A runner that forgets the groups would go on in silence, and take half as long again."""
    assert "PYTEST_XDIST_WORKER" not in os.environ or request.node.nodeid.endswith("@cinema with a past")


def live(world: World, stories: tuple[Story, ...] = STORIES, pass_by: Callable[..., None] | None = None) -> past.Seeded:
    with world.app.app_context():
        return past.live(pass_by or (lambda *_: None), stories)


def who(world: World, query: str) -> dict[tuple[Any, ...], set[str]]:
    """`query` selects user_id last."""
    found: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for row in world.rows(query):
        *key, user_id = row.values()
        found[tuple(key)].add(user_id)
    return found


def test_every_state_of_a_subscription_is_there(cinema: World) -> None:
    found = who(cinema, "SELECT state, end_reason, auto_renew, user_id FROM subscriptions")
    renewing = found.pop(("active", None, 1))
    assert found == {
        ("active", None, 0): {"sasha", "fedor"},
        ("past_due", None, 1): {"rita"},
        ("suspended", None, 1): {"timur"},
        ("pending", None, 0): {"petra"},
        ("expired", None, 0): {"lev", "mila"},
        ("ended", "cancelled", 0): {"oleg", "pavel", "sonya"},
        ("ended", "no_method", 0): {"zoya"},
        ("ended", "refunded", 0): {"raisa", "stepan", "arina"},
        ("ended", "unpaid", 0): {"kirill"},
    }
    assert {"anna", "emma", "grace", "ilya", "larisa", "nina", "sonya"} <= renewing


def test_the_staff_has_been_at_work(cinema: World) -> None:
    assert who(cinema, "SELECT operator, act, outcome, user_id FROM activity WHERE user_id IS NOT NULL") == {
        ("support", "subscription.grant", "done"): {"henry"},
        ("support", "subscription.cancel", "done"): {"pavel"},
        ("finance", "refund.give", "done"): {"ksenia"},
        ("finance", "refund.reject", "done"): {"dmitri"},
        ("finance2", "refund.approve", "done"): {"emma"},
    }
    paid = cinema.rows(
        "SELECT DISTINCT p.amount_minor FROM subscriptions s JOIN prices p ON p.id = s.price_id "
        "JOIN plans ON plans.id = s.plan_id WHERE plans.code = 'sport' AND s.state = 'active'"
    )
    assert {row["amount_minor"] for row in paid} == {24900, 27900}


def test_refunds_are_there_from_requested_to_failed(cinema: World) -> None:
    assert who(cinema, "SELECT state, offer, user_id FROM refunds") == {
        ("requested", None): {"tamara", "vadim", "lucy"},
        ("pending", "full"): {"arina"},
        ("failed", "full"): {"marta"},
        ("succeeded", "full"): {"raisa"},
        ("succeeded", "unused"): {"stepan", "galina"},
        ("rejected", None): {"dmitri"},
        ("succeeded", None): {"emma", "ksenia"},
    }


def test_the_audit_finds_nothing_here_nor_at_the_payment_system_nor_at_auth(cinema: World) -> None:
    with cinema.app.app_context():
        assert list(audit.violations(provider=audit.Books(), auth=cinema.rights)) == []


def test_a_bank_has_a_payment_under_dispute(cinema: World) -> None:
    assert who(cinema, "SELECT state, user_id FROM disputes") == {("open",): {"fedor"}}


def test_invoices_failed_for_every_reason(cinema: World) -> None:
    found = cinema.rows("SELECT DISTINCT fail_reason FROM invoices WHERE fail_reason IS NOT NULL")
    assert {row["fail_reason"] for row in found} == {"cancelled", "expired", "declined", "superseded"}


def test_people_came_back_after_their_cards_had_failed(cinema: World) -> None:
    found = who(cinema, "SELECT event, from_state, user_id FROM history WHERE kind = 'subscription'")
    assert "maxim" in found["recovered", "past_due"]
    assert found["recovered", "suspended"] == {"larisa", "arkady"}
    assert found["resumed", "active"] == {"nadia"}
    assert found["prolonged", "active"] == {"gleb", "galina"}
    assert found["time_returned", "active"] == {"galina"}


def test_a_bank_wanted_renewals_confirmed(cinema: World) -> None:
    asked = who(cinema, "SELECT kind, user_id FROM payments WHERE kind = 'charge' AND redirect_url IS NOT NULL")
    assert asked == {("charge",): {"ilya"}}


def test_the_sandbox_s_book_and_ours_agree_payment_by_payment(cinema: World) -> None:
    given_back: Counter[str] = Counter()
    for refund in cinema.sandbox.book.refunds():
        given_back[refund["payment_id"]] += refund["amount"] if refund["state"] == "succeeded" else 0
    theirs = {
        charge["id"]: (charge["taken"] - given_back[charge["id"]], charge["currency"])
        for charge in cinema.sandbox.book.charges()
    }
    ours = {
        row["provider_ref"]: (row["amount_minor"] - row["refunded_minor"], row["currency"])
        for row in cinema.rows("SELECT * FROM payments WHERE state IN ('succeeded', 'duplicate')")
    }
    assert ours == theirs
    assert {currency for _, currency in ours.values()} == {"RUB", "USD"}


def test_no_promise_is_broken(cinema: World) -> None:
    assert [sentence for check in PROMISES for sentence in check(cinema)] == []


def test_it_is_now_and_nothing_waits_that_is_due(cinema: World) -> None:
    assert cinema.one("SELECT offset_microseconds, travelling_until FROM clock") == {
        "offset_microseconds": 0,
        "travelling_until": None,
    }
    with cinema.app.app_context():
        latest = latest_row()
        assert not somebody_travels()
    assert latest is not None
    assert real_now() - AN_HOUR < latest <= real_now()
    assert cinema.rows("SELECT 1 FROM outbox WHERE published_at IS NULL") == []
    assert [row for row in cinema.sandbox.book.webhooks() if row["due_at"] is not None] == []


def test_it_lasted_half_a_year_and_history_was_written_in_order(cinema: World) -> None:
    moments = [moment_of(row["at"]) for row in cinema.rows("SELECT at FROM history ORDER BY seq")]
    assert moments == sorted(moments)
    assert timedelta(days=180) < moments[-1] - moments[0] < past.HALF_A_YEAR
    assert len({moment.strftime("%Y-%m") for moment in moments}) >= 6


def test_seeding_again_changes_nothing(cinema: World) -> None:
    before = cinema.counts()
    assert live(cinema) == past.Seeded(plans=0, people=0)
    assert cinema.counts() == before
    assert cinema.one("SELECT offset_microseconds AS n FROM clock")["n"] == 0


def test_the_cast_can_sign_in_and_sees_its_past(cinema: World) -> None:
    page = cinema.app.test_client().get("/auth/login").text
    places = [page.index(f'value="{person.login}"') for person in (*PEOPLE[:3], *CAST, *PEOPLE[3:])]
    assert places[:3] == sorted(places[:3])
    assert max(places[:3]) < min(places[3:-6])
    assert max(places[3:-6]) < min(places[-6:])
    rita = cinema.sign_in("rita")
    assert [card["status"] for card in rita.get("/subscriptions").json] == ["past_due"]
    assert len(rita.get("/purchases").json) == 6


# The script


def test_the_script_is_about_the_whole_cast_and_nobody_else() -> None:
    assert sorted(story.login for story in STORIES) == sorted(person.login for person in CAST)
    assert not {person.login for person in CAST} & {person.login for person in PEOPLE}


def test_nobody_acts_before_the_half_year_or_after_it() -> None:
    days = [round(story.ago - after, 4) for story in STORIES for after, _ in story.plot]
    assert min(days) > 0
    assert max(days) < past.HALF_A_YEAR / timedelta(days=1)
    assert len(set(days)) == len(days)


# Other installations


@pytest.fixture
def empty(tmp_path: Path, sqlite_template: Path, secrets_template: Path) -> Iterator[World]:
    shutil.copy(sqlite_template, tmp_path / "portal.db")
    shutil.copytree(secrets_template, tmp_path / "secrets")
    world = World(settings_for(tmp_path, f"sqlite:///{tmp_path / 'portal.db'}"), travels=True)
    yield world
    world.close()


@pytest.mark.parametrize("traces", ["plans", "a page of the payment system"])
def test_where_something_has_happened_only_missing_plans_are_added(empty: World, traces: str) -> None:
    if traces == "plans":
        empty.seed()
    else:
        _open_page(empty)
    before = empty.clock.now()
    assert live(empty).people == 0
    assert empty.count("users") == 0
    assert empty.count("plans") == 4
    assert timedelta(0) <= empty.clock.now() - before < AN_HOUR


def test_beside_a_real_payment_system_nobody_has_a_past(empty: World) -> None:
    """Its time cannot be set back, and it would be asked about every day of the half year."""
    providers = empty.app.extensions["matinee"].providers
    providers["real"] = copy(providers["sandbox"])
    assert live(empty) == past.Seeded(plans=4, people=0)
    assert empty.count("users") == 0
    assert empty.one("SELECT offset_microseconds AS n FROM clock")["n"] == 0


def _open_page(world: World) -> None:
    """In a book that another portal wrote in before."""
    until = real_now() + timedelta(days=1)
    order = CheckoutOrder("payment:1", Money(100, "RUB"), "-", "alice", "en", "http://portal.test/", until, False)
    with world.app.app_context():
        assert runtime.providers["sandbox"].start_checkout(order).redirect_url


def test_a_past_that_was_interrupted_is_not_gone_on_with(empty: World) -> None:
    with pytest.raises(KeyboardInterrupt):
        live(empty, (), stop)
    with pytest.raises(past.Interrupted, match="make reset"):
        live(empty)
    assert empty.count("users") == 0


def stop(moment: datetime, steps: int) -> None:
    raise KeyboardInterrupt


def test_what_cannot_be_done_is_said_with_who_and_what(empty: World) -> None:
    with pytest.raises(past.Stuck, match="anna could not do what the script says, Cancels"):
        live(empty, (Story("anna", 3, ((0, Cancels()),)),))


def test_it_passes_on_postgresql_too(tmp_path: Path, postgresql_database: str, secrets_template: Path) -> None:
    shutil.copytree(secrets_template, tmp_path / "secrets")
    world = World(settings_for(tmp_path, database_named(postgresql_database)), travels=True)
    some = {"rita", "marta", "galina", "arina", "petra", "nina"}
    try:
        assert live(world, tuple(story for story in STORIES if story.login in some)).people == len(some)
        assert [sentence for check in PROMISES for sentence in check(world)] == []
        states = {row["state"] for row in world.rows("SELECT DISTINCT state FROM subscriptions")}
        assert states == {"active", "past_due", "ended", "pending"}
    finally:
        world.close()
        empty_out(postgresql_database)
