"""The back office as operators use it: clicked through in both languages, by two at once, and by any reader."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visit
from tests.browser.test_pages import options, problems, ways
from tests.browser.visitor import Visitor, press
from tests.web.admin.office import Places, furnish

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LANGUAGES = {"ru": "ru-RU", "en": "en-GB"}


def come_in(visitor: Visitor, login: str, language: str, path: str = "/admin/") -> Page:
    """Sign in; what the token says of the language is overruled by the switch."""
    page = visitor.open(f"/auth/login?next={path}")
    visitor.sign_in(login)
    press(page.locator(f"button[name=lang][value={language}]"))
    assert page.locator("html").get_attribute("lang") == language
    return page


def submit(page: Page) -> None:
    press(page.locator("main form.panel button"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_is_made_priced_sold_not_deleted_and_archived(site: Site, visit: Visit, language: str) -> None:
    visitor = visit(locale=LANGUAGES[language])
    page = come_in(visitor, "product", language, "/admin/plans/")
    press(page.locator("main a[href$='/plans/new']"))
    for field, typed in {"code": "kids", "name_ru": "Детям", "name_en": "For children", "group": "kids"}.items():
        page.locator(f"#{field}").fill(typed)
    page.locator("#interval").select_option("month")
    submit(page)
    press(page.locator("a[href$='/price']"))
    page.locator("#amount").fill("199,50")
    submit(page)
    assert "199" in page.locator("main table").inner_text()
    press(page.locator("a[href$='/sell']"))
    submit(page)
    assert site.world.bought("boris", "kids")["state"] == "paid"
    press(page.locator("a[href$='/delete']"))
    assert page.locator("main form.panel").count() == 0
    assert page.locator("main [role=alert]").is_visible()
    press(page.locator("main a[href$='/archive']"))
    submit(page)
    assert page.locator("a[href$='/sell']").is_visible()
    assert "kids" not in site.world.app.test_client().get("/").text
    acts = [row["act"] for row in site.world.rows("SELECT act FROM activity ORDER BY seq")]
    assert acts == ["plan.create", "plan.price", "plan.sell", "plan.archive"]
    assert visitor.complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_register_leads_to_a_customers_history(site: Site, visit: Visit, language: str) -> None:
    site.world.bought("alice")
    visitor = visit(locale=LANGUAGES[language])
    page = come_in(visitor, "viewer", language)
    press(page.locator(".rail a[href$='/customers/']"))
    press(page.locator("main table a", has_text="alice@example.com"))
    assert "alice" in page.url
    sentence = {"ru": "продлевается", "en": "renews by itself"}[language]
    assert sentence in page.locator("main").inner_text()
    assert page.locator("main .timeline li").count() > 5
    assert page.locator("main form[method=post]").count() == 0  # a viewer acts nowhere
    assert visitor.complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_invoice_is_found_by_its_number_and_tells_that_it_was_sent(site: Site, visit: Visit, language: str) -> None:
    site.world.bought("alice")
    number = site.world.one("SELECT number FROM invoices")["number"]
    visitor = visit(locale=LANGUAGES[language])
    page = come_in(visitor, "support", language)
    page.locator("#search").fill(number)
    page.locator("#search").press("Enter")
    expect(page.locator("h1")).to_contain_text(number)
    page.locator("main a[href*='/admin/outbox/']").first.click()
    assert "subscription.activated" in page.locator("h1").inner_text()
    assert page.locator(".title .badge.good").is_visible()
    assert visitor.complaints == []


def test_two_operators_refund_one_payment_and_the_second_sees_the_new_figure(site: Site, visit: Visit) -> None:
    site.world.bought("alice")
    forms = []
    for login in ("finance", "finance2"):
        page = come_in(visit(), login, "en", "/admin/payments/")
        page.locator("main tbody tr").first.locator("a").first.click()
        page.locator("main a[href*='/refund']").first.click()
        page.locator("input[name=choice][value=other]").check()
        page.locator("#amount").fill("200")
        page.locator("[name=reason]").select_option("goodwill")
        page.locator("input[name=effect][value=keep]").check()
        forms.append(page)
    first, second = forms
    submit(first)
    submit(second)
    assert "99.00" in second.locator("main [role=alert]").inner_text()
    assert second.locator("#amount").input_value() == "200"
    second.locator("#amount").fill("99")
    submit(second)
    site.world.drain()
    taken = site.world.rows("SELECT state, amount_minor, grounds FROM refunds ORDER BY amount_minor")
    assert [tuple(row.values()) for row in taken] == [("succeeded", 9900, "goodwill"), ("succeeded", 20000, "goodwill")]


@pytest.mark.parametrize("way", ways())
def test_every_page_of_the_back_office_is_accessible_and_fits_a_narrow_screen(
    site: Site, visit: Visit, way: str
) -> None:
    places = furnish(site.world)
    visitor = visit(**options(way))
    visitor.open("/auth/login?next=/admin/")
    visitor.sign_in("admin")
    found = []
    for path in addresses(site, places):
        found += problems(visitor.open(path))
        form = visitor.page.locator("main form.panel button")
        if form.count() == 1 and path.endswith(
            ("/new", "/price", "/refund", "/grant", "/reject", "/approve", "/cancel")
        ):
            press(form)  # with nothing typed: the page that says what is wrong
            found += problems(visitor.page)
    assert found == []
    assert [said for said in visitor.complaints if "status of 4" not in said] == []


def addresses(site: Site, places: Places) -> list[str]:
    """Every page there is, so that a new one is looked at without anybody remembering it here."""
    rules = [rule for rule in site.world.app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    pages = [places.address(rule) for rule in rules if "GET" in (rule.methods or ())]
    return [*pages, "/admin/search/?q=alice@example.com", "/admin/search/?q=nothing", "/admin/invoices/?since=x"]


def test_a_plan_is_priced_by_keyboard_alone(site: Site, visit: Visit) -> None:
    """Down to the button, with nothing but the keys; focus is always to be seen."""
    places = furnish(site.world)
    visitor = visit()
    page = come_in(visitor, "product", "en", f"/admin/plans/{places.new_plan}/price")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link
    expect(page.locator("#main")).to_be_focused()
    typed = {"amount": "250", "currency": "USD"}
    for _ in range(30):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.name || ''")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        if name in typed:
            page.keyboard.type(typed[name])
        if page.evaluate("document.activeElement.matches('main form.panel button')"):
            page.keyboard.press("Enter")
            break
    page.wait_for_url("**/admin/plans/*")
    assert "250.00" in page.locator("main table").inner_text()


def test_everything_works_without_scripts(site: Site, visit: Visit) -> None:
    places = furnish(site.world)
    visitor = visit(java_script_enabled=False)
    page = come_in(visitor, "finance", "en", f"/admin/payments/{places.payment}/refund")
    page.locator("input[name=choice][value=other]").check()
    page.locator("#amount").fill("50")
    page.locator("[name=reason]").select_option("goodwill")
    page.locator("input[name=effect][value=keep]").check()
    submit(page)
    assert site.world.one("SELECT amount_minor FROM refunds WHERE reason = 'operator'")["amount_minor"] == 5000
