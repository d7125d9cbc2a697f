"""Two ways to pay in Chromium: no script is needed, and they fit a narrow screen."""

from __future__ import annotations

from copy import copy

import pytest

from tests.browser.conftest import Site, Visit
from tests.browser.test_pages import problems
from tests.browser.visitor import press

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TITLES = {"ru": "Через другую платёжную систему", "en": "Through another payment system"}


@pytest.fixture
def two(site: Site) -> Site:
    """The sandbox under a second name."""
    providers = site.world.app.extensions["matinee"].providers
    other = copy(providers["sandbox"])
    other.name, other.titles = "other", TITLES
    providers["other"] = other
    return site


@pytest.mark.parametrize(("login", "locale"), [("alice", "ru-RU"), ("clara", "en-GB")])
def test_the_ways_to_pay_are_accessible_and_fit_a_narrow_screen(
    two: Site, visit: Visit, login: str, locale: str
) -> None:
    visitor = visit(locale=locale, viewport={"width": 320, "height": 640})
    visitor.open("/auth/login?next=/cabinet")
    visitor.sign_in(login)
    for path in ("/buy/premium", "/cabinet/methods/add"):
        page = visitor.open(path)
        assert page.get_by_label(TITLES[locale[:2]]).is_visible()
        assert problems(page) == []


def test_choosing_needs_no_script(two: Site, visit: Visit) -> None:
    visitor = visit(locale="en-GB", java_script_enabled=False)
    visitor.open("/auth/login?next=/cabinet")
    visitor.sign_in("clara")
    page = visitor.open("/buy/premium")
    page.get_by_label(TITLES["en"]).check()
    for box in ("terms", "personal_data"):
        page.check(f"#{box}")
    press(page.locator("form.panel button"))
    assert "/sandbox/pay/" in page.url
    assert two.world.one("SELECT provider FROM payments")["provider"] == "other"
