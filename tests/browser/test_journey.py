"""The whole of it, from the plans to the money back: once with nothing but the keyboard, once without JavaScript."""

from __future__ import annotations

from typing import Protocol

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, Visit
from tests.world import GOOD_CARD

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FARTHEST = 60  # presses of Tab
SHOWS_FOCUS = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"


class Hand(Protocol):
    def press(self, target: Locator) -> None: ...

    def tick(self, target: Locator) -> None: ...

    def type(self, target: Locator, text: str) -> None: ...


class Mouse:
    def press(self, target: Locator) -> None:
        target.click()

    def tick(self, target: Locator) -> None:
        target.check()

    def type(self, target: Locator, text: str) -> None:
        target.fill(text)


class Keyboard:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Space")
        expect(target).to_be_checked()

    def type(self, target: Locator, text: str) -> None:
        self._reach(target)
        self.page.keyboard.type(text)

    def _reach(self, target: Locator) -> None:
        """Forward only, and wherever the focus passes it is seen."""
        expect(target).to_be_visible()
        for _ in range(FARTHEST):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(SHOWS_FOCUS), self.page.evaluate("document.activeElement.outerHTML")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{target} is not reached on {self.page.url}")


@pytest.mark.parametrize("way", ["by keyboard alone", "without JavaScript"])
def test_everything_from_the_plans_to_the_money_back(site: Site, visit: Visit, way: str) -> None:
    scripts = way == "by keyboard alone"
    visitor = visit(locale="en-GB", java_script_enabled=scripts)
    page = visitor.open("/")
    hand: Hand = Keyboard(page) if scripts else Mouse()

    buy(site, page, hand, scripts)
    hand.press(page.locator("dl.facts a").first)
    hand.press(page.locator('main a[href$="/receipt"]'))
    expect(page.locator("main")).to_contain_text("RUB 299.00")

    hand.press(page.locator('header a[href="/cabinet"]'))
    hand.press(page.locator('main a[href$="/cancel"]'))
    hand.press(page.locator(".pair button"))
    expect(page.locator("h1")).to_have_text("The subscription is cancelled")
    hand.press(page.locator('form[action$="/resume"] button'))
    expect(page.locator(".total")).to_contain_text("10 February 2027, RUB 299.00")

    hand.press(page.locator('main a[href$="/remove"]'))
    hand.press(page.locator(".pair button"))
    expect(page.locator(".notice.good")).to_contain_text("Visa ·· 4242 is removed")

    hand.press(page.locator('header a[href="/cabinet"]'))
    hand.press(page.locator('main a[href$="/refund"]'))
    hand.press(page.locator("form.panel button"))
    expect(page.locator("h1")).to_have_text("The money is returned")
    assert site.world.one("SELECT state, end_reason FROM subscriptions") == {"state": "ended", "end_reason": "refunded"}
    assert visitor.complaints == []


def buy(site: Site, page: Page, hand: Hand, scripts: bool) -> None:
    hand.press(page.locator('main a[href^="/buy/standard"]').first)
    hand.press(page.locator("button[name=login][value=clara]"))
    for box in ("terms", "personal_data", "renewal"):
        hand.tick(page.locator(f"#{box}"))
    hand.press(page.locator("form.panel button"))
    for field, typed in {"card_number": GOOD_CARD, "expiry": "12/34", "cvc": "123"}.items():
        hand.type(page.locator(f"[name={field}]"), typed)
    hand.press(page.locator("main form button").first)
    page.wait_for_url("**/payments/*")
    site.world.drain()
    if not scripts:
        hand.press(page.locator('form[action$="/check"] button'))
    expect(page.locator(".outcome.good")).to_be_visible()
