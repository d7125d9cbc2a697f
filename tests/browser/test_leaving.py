"""Leaving in a browser: cancel, money back, a card removed; with scripts and without, and each within its clicks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, Visit
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
PHONE = {"width": 360, "height": 740}


def at_home(site: Site, visit: Visit, scripts: bool = True) -> Visitor:
    """Clara, who has a subscription, at the first page of her cabinet."""
    site.world.bought("clara")
    visitor = visit(locale="en-GB", viewport=PHONE, java_script_enabled=scripts)
    visitor.open("/auth/login?next=/cabinet")
    visitor.sign_in("clara")
    return visitor


def link(page: Page, path: str) -> Locator:
    return page.locator(f'main a[href$="{path}"]').first


@SCRIPTS
def test_cancelling_takes_two_clicks_and_coming_back_one(site: Site, visit: Visit, scripts: bool) -> None:
    visitor = at_home(site, visit, scripts)
    page = visitor.page

    link(page, "/cancel").click()
    expect(page.locator("#when-period_end")).to_be_checked()
    page.locator(".pair button").click()

    expect(page.locator("h1")).to_have_text("The subscription is cancelled")
    expect(page.locator(".facts")).to_contain_text("C-0000")
    page.locator('form[action$="/resume"] button').click()
    expect(page.locator(".total")).to_contain_text("10 February 2027")
    assert visitor.complaints == []


@SCRIPTS
def test_a_refund_is_asked_for_and_followed(site: Site, visit: Visit, scripts: bool) -> None:
    visitor = at_home(site, visit, scripts)
    page = visitor.page

    link(page, "/refund").click()
    page.locator("#choice-other").check()
    page.locator("#amount").fill("1000")
    page.locator("form.panel button").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("#amount")).to_have_value("1000")
    page.locator("#choice-unused").check()
    page.locator("form.panel button").click()

    expect(page.locator("h1")).to_have_text("The money is returned")
    assert [one["state"] for one in site.world.sandbox.book.refunds()] == ["succeeded"]
    assert [said for said in visitor.complaints if "status of 422" not in said] == []


@SCRIPTS
def test_the_card_is_removed_and_another_one_added(site: Site, visit: Visit, scripts: bool) -> None:
    visitor = at_home(site, visit, scripts)
    page = visitor.page

    link(page, "/remove").click()
    page.locator(".pair button").click()
    expect(page.locator(".notice.good")).to_contain_text("Visa ·· 4242 is removed")
    link(page, "/methods/add").click()
    expect(page.locator("#renewal")).not_to_be_checked()
    page.locator("#renewal").check()
    page.locator("form.panel button").click()
    visitor.pay("5555 5555 5555 4444")

    page.wait_for_url("**/cabinet/methods")
    expect(page.locator(".notice.warn")).to_be_visible()
    if scripts:
        site.world.drain()
    else:
        page.locator('form[action$="/check"] button').click()
    expect(page.locator(".notice.good")).to_contain_text("Mastercard ·· 4444")
    assert len(site.world.sandbox.book.charges()) == 1
    assert visitor.complaints == []


def test_the_way_out_stands_on_the_first_screen_of_a_phone(site: Site, visit: Visit) -> None:
    page = at_home(site, visit).page
    facts = page.locator(".subscription")
    method = facts.locator("dd", has_text="Visa ·· 4242")
    for shown in (
        facts.locator("h2"),
        facts.locator(".badge"),
        facts.locator(".total dd"),
        method,
        link(page, "/cancel"),
    ):
        box = shown.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE["height"]
    expect(facts.locator(".total dd")).to_have_text("10 February 2027, RUB 299.00")


def test_leaving_and_staying_look_alike(site: Site, visit: Visit) -> None:
    page = at_home(site, visit).page
    for path in ("/cancel", "/remove"):
        page.goto(f"{site.origin}/cabinet")
        link(page, path).press("Enter")  # a mouse would come to rest on one of the two
        page.wait_for_url(f"**{path}")
        leave, stay = page.locator(".pair > *").all()
        sizes = [one.bounding_box() for one in (leave, stay)]
        widths_and_heights = [(size["width"], size["height"]) for size in sizes if size]
        assert len(widths_and_heights) == 2
        assert widths_and_heights[0] == pytest.approx(widths_and_heights[1], rel=0.1)
        assert look(leave) == look(stay)


def look(button: Locator) -> object:
    return button.evaluate(
        "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.fontWeight, s.fontSize] }"
    )
