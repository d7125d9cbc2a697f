"""The language that somebody chose goes with their account, not with their browser."""

from __future__ import annotations

from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import World, csrf_of


def choose(visitor: Visitor, language: str) -> Visitor:
    """The button in the footer of the page that is open."""
    token = csrf_of(visitor.answer.text)
    return visitor.send("/language", {"csrf_token": token, "lang": language, "next": visitor.path})


def test_a_language_chosen_on_one_device_is_there_on_the_others(world: World) -> None:
    one, other = Visitor(world), Visitor(world)
    other.client.delete_cookie("lang")
    choose(one.open("/cabinet/invoices?page=1"), "ru")

    assert one.path == "/cabinet/invoices?page=1"
    other.open("/cabinet").says("Мои подписки")
    choose(other, "en")
    one.open("/cabinet").says("My subscriptions")  # whatever cookie it was left with
    Visitor(world, "boris", "ru").open("/cabinet").says("Мои подписки")


def test_who_has_ordered_nothing_leaves_a_language_and_nothing_else(world: World) -> None:
    choose(Visitor(world).open("/cabinet"), "ru")
    left = world.one("SELECT id, email, zone, chosen_locale, first_subscribed_at FROM users")
    assert left == {"id": "alice", "email": None, "zone": None, "chosen_locale": "ru", "first_subscribed_at": None}

    world.bought("alice")
    assert world.one("SELECT email, chosen_locale FROM users") == {"email": "alice@example.com", "chosen_locale": "ru"}
    Visitor(world, language="en").open("/cabinet").says("Мои подписки")


def test_a_strangers_choice_is_a_cookie_and_the_account_costs_a_page_one_statement(world: World) -> None:
    stranger = Visitor(world)
    stranger.client.delete_cookie(world.settings.auth_cookie)
    choose(stranger.open("/"), "ru").says("Русский")
    assert world.count("users") == 0
    costs = Statements(world)
    more = costs.of(Visitor(world), "/terms") - costs.of(stranger, "/terms")
    assert more == (1 if world.settings.database_url.startswith("postgresql") else 2)  # SQLite is sent its BEGIN, too
