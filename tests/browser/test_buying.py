"""Buying in a browser: sign in, choose, agree, pay with 3-D Secure, come back, watch."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

CHALLENGED = "4000 0000 0000 3220"
PEOPLE = {"ru": ("alice", "ru-RU", "Вторая луна"), "en": ("clara", "en-GB", "Second Moon")}


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
@pytest.mark.parametrize("language", PEOPLE)
def test_somebody_signs_in_buys_with_3d_secure_and_watches(
    site: Site, visit: Visit, language: str, scripts: bool
) -> None:
    login, locale, film = PEOPLE[language]
    visitor = visit(locale=locale, java_script_enabled=scripts)
    page = visitor.open("/")
    expect(page.locator("html")).to_have_attribute("lang", language)

    page.locator('a[href^="/buy/premium"]').first.click()
    visitor.sign_in(login)
    expect(page).to_have_url(f"{site.origin}/buy/premium")
    for consent in ("terms", "personal_data", "renewal"):
        expect(page.locator(f"#{consent}")).not_to_be_checked()
        page.locator(f"#{consent}").check()
    page.locator("form.panel button").click()
    visitor.pay(CHALLENGED)
    page.locator("button[name=decision][value=confirm]").click()

    page.wait_for_url("**/payments/*")
    expect(page.locator(".outcome.good")).to_have_count(0)
    site.world.drain()
    if not scripts:
        page.locator('form[action$="/check"] button').click()
    expect(page.locator(".outcome.good")).to_be_visible()
    page.locator('a[href="/cinema"]').first.click()
    page.locator('a[href$="/second-moon"]').click()
    expect(page.locator("h1")).to_have_text(film)
    expect(page.locator(".playing")).to_be_visible()
    assert visitor.complaints == []


def test_who_has_no_subscription_is_offered_the_plans(visit: Visit) -> None:
    visitor = visit(locale="en-GB")
    page = visitor.open("/auth/login?next=/cinema/second-moon")
    visitor.sign_in("boris")
    expect(page.locator(".playing")).to_have_count(0)
    page.locator("a.main").click()
    expect(page.locator('a[href^="/buy/"]').first).to_be_visible()
