"""How many clicks from the cabinet's first page the things are that people come for. `pytest -s` prints the table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.cabinet.visitor import Visitor
from tests.world import World


def see_the_next_charge(visitor: Visitor) -> bool:
    return visitor.says("Next charge 10 February 2027, RUB 299.00", "Visa ·· 4242")


def ask_for_a_refund(visitor: Visitor) -> bool:
    visitor.click("Ask for a refund").press("Ask for the refund", choice="unused")
    return visitor.says("The money is returned")


def remove_the_card(visitor: Visitor) -> bool:
    visitor.click("Remove the card").press("Remove the card")
    return visitor.says("Visa ·· 4242 is removed")


def cancel(visitor: Visitor) -> bool:
    visitor.click("Cancel subscription").press("Cancel subscription")
    return visitor.says("The subscription is cancelled")


# Who wishes what, and how many clicks it may take.
WISHES: dict[str, tuple[Callable[[Visitor], bool], int]] = {
    "alice": (see_the_next_charge, 0),
    "boris": (cancel, 2),
    "clara": (remove_the_card, 2),
    "anna": (ask_for_a_refund, 3),
}


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_what_people_come_for_is_a_few_clicks_away(world: World) -> None:
    too_many = []
    for login, (wish, most) in WISHES.items():
        world.bought(login)
        visitor = Visitor(world, login).open("/cabinet")
        assert wish(visitor)
        told = f"{wish.__name__.replace('_', ' ')}: {visitor.clicks} clicks, at most {most}"
        print(told)
        too_many += [told] if visitor.clicks > most else []
    assert too_many == []
