"""Every page of the portal, the sandbox, Auth and the cinema: accessible, and never wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from pypdf import PdfReader
from werkzeug.routing import Rule

from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import cancel, refund
from portal.web.cabinet.leave import proof_of
from tests.browser.conftest import Site, Visit
from tests.browser.visitor import Visitor
from tests.world import path_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NO_PAGES = {  # for a script, and files
    "cabinet.payment_state",
    "cabinet.methods_state",
    "cabinet.receipt_pdf",
    "cabinet.data_export",
}
ROOMS = ("cabinet.", "docs.")
OTHERS = (
    "/auth/login",
    "/cinema/",
    "/cinema/second-moon",
    "/cinema/cup-final",
    "/cinema/none-such",
    "/styleguide",
    "/none-such",
    "/buy/none-such",
    "/cabinet/invoices?page=9",
    "/cancel?account=other",
    "/cancel/none-such",
)
WAYS = {
    "ru light phone": (
        "alice",
        {"locale": "ru-RU", "color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    ),
    "en dark desktop": (
        "clara",
        {"locale": "en-GB", "color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    ),
}
NARROW = 320  # the narrowest screen that WCAG asks for


@pytest.mark.parametrize("way", WAYS)
def test_every_page_is_accessible_and_fits_a_narrow_screen(site: Site, visit: Visit, way: str) -> None:
    login, options = WAYS[way]
    visitor = visit(**options)
    found = [problem for page in visited(site, visitor, login) for problem in problems(page)]
    assert found == []
    assert [said for said in visitor.complaints if "status of 4" not in said] == []


def test_a_receipt_prints_on_one_sheet_and_without_what_is_for_clicking(site: Site, visit: Visit) -> None:
    invoice = site.world.bought("alice")["invoice_guid"]
    visitor = visit(locale="en-GB")
    visitor.open("/auth/login?next=/cabinet")
    visitor.sign_in("alice")
    printed = PdfReader(BytesIO(visitor.open(f"/cabinet/invoices/{invoice}/receipt").pdf(format="A4")))
    assert len(printed.pages) == 1
    read = printed.pages[0].extract_text()
    assert "M-2027-000001" in read
    assert "PDF" not in read


def test_a_chosen_theme_holds_on_every_page_and_paper_is_white(site: Site, visit: Visit) -> None:
    site.world.bought("admin")
    visitor = visit(color_scheme="light")
    visitor.open("/auth/login?next=/cabinet")
    visitor.sign_in("admin")
    visitor.page.locator("footer button[value=dark]").click()
    for path in ("/admin/", "/docs", "/cinema/", "/auth/login", "/none-such", "/cabinet"):
        page = visitor.open(path)
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.emulate_media(media="print")
    seen = page.locator("body").inner_text()
    assert "Оплачена до" in seen
    assert [words for words in ("Сменить подписку", "Оплатить вперёд", "История", "Помощь:") if words in seen] == []
    colours = page.evaluate("(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))")
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def visited(site: Site, visitor: Visitor, login: str) -> Iterator[Page]:
    """The pages, one after the other: as a stranger, with nothing bought, and with everything there can be."""
    for path in ("/", "/auth/login", "/cinema/second-moon"):
        yield visitor.open(path)
    visitor.open("/auth/login?next=/cabinet")
    visitor.sign_in(login)
    for path in ("/cabinet", "/cabinet/invoices", "/cabinet/history", "/cinema/second-moon"):
        yield visitor.open(path)
    yield from payment_pages(site, visitor, login)
    values = bought(site, login)
    for rule in rules(site):
        yield visitor.open(filled(rule, values))
    for path in (*OTHERS, left(site, login)):
        yield visitor.open(path)


def payment_pages(site: Site, visitor: Visitor, login: str) -> Iterator[Page]:
    """The check page with what is wrong on it, the hosted page in its states, and what a decline looks like."""
    page = visitor.open("/buy/premium")
    page.locator("form.panel button").click()
    yield page
    order = site.world.buy(site.world.sign_in(login), "premium")
    yield visitor.open(f"/payments/{order['invoice_guid']}")
    page = visitor.open(path_of(order["redirect_url"]))
    page.locator("main form button").first.click()
    yield page
    visitor.open(path_of(order["redirect_url"]))
    visitor.pay("4000 0000 0000 3220")
    yield page
    page.locator("button[name=decision][value=refuse]").click()
    site.world.drain()
    yield visitor.open(f"/payments/{order['invoice_guid']}")


def bought(site: Site, login: str) -> dict[str, str]:
    """What stands in for the variable parts of addresses: two subscriptions, of one a refund is asked for."""
    world = site.world
    world.bought(login, "premium")
    invoice = world.bought(login, "sport")["invoice_guid"]
    with world.app.app_context():
        asked = refund.request(Person(login), UUID(invoice), Money(100, "RUB"), None)
        token = proof_of(running(site))
    (method, *_) = world.rows("SELECT id FROM payment_methods")
    subscription = running(site)
    return {
        "code": "premium",
        "guid": invoice,
        "cabinet.refund_state guid": str(asked),
        "cabinet.cancel guid": str(subscription),
        "cabinet.change guid": str(subscription),
        "cabinet.left token": token,
        "cabinet.method_remove guid": str(UUID(method["id"])),
    }


def running(site: Site) -> UUID:
    (subscription, *_) = site.world.rows("SELECT id FROM subscriptions WHERE state = 'active' ORDER BY id")
    return UUID(subscription["id"])


def left(site: Site, login: str) -> str:
    """The page that proves a cancellation, and asks why."""
    guid = running(site)
    with site.world.app.app_context():
        cancel.cancel(Person(login), guid, "period_end")
    return f"/cabinet/subscriptions/{guid}/cancel"


def rules(site: Site) -> list[Rule]:
    """Every page there is, so that a new one is looked at without anybody remembering it here."""
    listed = [rule for rule in site.world.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return [rule for rule in listed if rule.endpoint.startswith(ROOMS) and rule.endpoint not in NO_PAGES]


def filled(rule: Rule, values: dict[str, str]) -> str:
    path = rule.rule
    for name in rule.arguments:
        value = values.get(f"{rule.endpoint} {name}", values.get(name))
        assert value is not None, f"say in this file what {name} of {rule.rule} ({rule.endpoint}) may be"
        path = "".join(value if f"{name}>" in part else part for part in split(path))
    return path


def split(path: str) -> list[str]:
    """`/a/<uuid:b>/c` in its fixed and its variable parts."""
    return path.replace("<", "\0<").replace(">", ">\0").split("\0")


def problems(page: Page) -> list[str]:
    here = page.url
    violated = Axe().run(page).response["violations"]
    found = [f"{here}: {node['html'][:160]}: {node['failureSummary']}" for one in violated for node in one["nodes"]]
    before = page.viewport_size
    page.set_viewport_size({"width": NARROW, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    if before is not None:
        page.set_viewport_size(before)
    return found + ([f"{here}: {width} pixels wide on a screen of {NARROW}"] if width > NARROW else [])
