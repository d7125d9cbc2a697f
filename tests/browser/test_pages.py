"""Every page of the portal, the sandbox, Auth and the cinema: accessible, and never wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import groupby, product
from typing import Any

import html5lib
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page
from pypdf import PdfReader
from werkzeug.test import TestResponse

from tests.browser.conftest import Crowd, Site, Visit
from tests.browser.everybody import Look
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LOCALES = {"ru": "ru-RU", "en": "en-GB"}
SCREENS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}
ALWAYS = ("ru light phone", "en dark desktop")
NARROW = 320  # the narrowest screen that WCAG asks for
TOLD_APART = {"class", "role", "type", "hidden", "checked", "aria-hidden", "aria-current", "aria-invalid"}
LONGER = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        text.data = text.data.replace(/\\p{L}{3,}/gu, (word) => word + word.slice(-Math.ceil(word.length * 0.4)));
    }
    for (const { style } of document.querySelectorAll("body *")) {
        Object.assign(style, { letterSpacing: "0.12em", wordSpacing: "0.16em", lineHeight: "1.5" });
    }
}"""
RUN_AXE = "axe.run({ resultTypes: ['violations'] }).then((found) => found.violations)"


ALL = [" ".join(way) for way in product(LOCALES, ("light", "dark"), SCREENS)]


def ways() -> list[Any]:
    """The six beside those that are always gone are left to `make a11y`."""
    return [pytest.param(way, marks=() if way in ALWAYS else pytest.mark.chaos) for way in ALL]


def options(way: str) -> dict[str, Any]:
    """Playwright's for a context."""
    language, scheme, screen = way.split()
    return {"locale": LOCALES[language], "color_scheme": scheme, "viewport": SCREENS[screen]}


@pytest.mark.parametrize("way", ALWAYS)
def test_every_page_in_every_state_is_accessible_and_fits_a_narrow_screen(
    crowd: Crowd, chromium: Browser, way: str
) -> None:
    """Of pages that differ only in what their words say, the first."""
    shapes = {shape_of(answer): look for look, answer in reversed(crowd.everybody.answers(way[:2]))}
    assert found_by(crowd, chromium, way, list(shapes.values())) == ""


@pytest.mark.chaos
@pytest.mark.parametrize("way", ALL)
def test_every_page_in_every_state_is_accessible_with_its_own_words(crowd: Crowd, chromium: Browser, way: str) -> None:
    assert found_by(crowd, chromium, way, crowd.everybody.looks) == ""


@pytest.mark.chaos
def test_longer_words_and_wider_letters_fit_a_narrow_screen(crowd: Crowd, chromium: Browser) -> None:
    """As of another language, or of somebody who reads better that way (WCAG 2.2, 1.4.12)."""
    context = chromium.new_context(viewport={"width": NARROW, "height": 640})
    visitor, wide = Visitor(context, crowd.site.origin), []
    for look, page in visited(crowd.site, visitor, "ru", crowd.everybody.looks):
        page.evaluate(LONGER)
        width = page.evaluate("document.documentElement.scrollWidth")
        wide += [f"{look}: {width} pixels wide"] if width > NARROW else []
    context.close()
    assert not wide, "\n".join(wide)


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


def found_by(crowd: Crowd, chromium: Browser, way: str, looks: list[Look]) -> str:
    """What is wrong, line by line."""
    context = chromium.new_context(**options(way))
    context.add_init_script(AXE_SCRIPT)
    visitor = Visitor(context, crowd.site.origin)
    found = []
    for look, page in visited(crowd.site, visitor, way[:2], looks):
        found += [f"{look}: {problem}" for problem in problems(page)]
        found += [said for said in visitor.complaints if f"status of {look.status}" not in said and look.status < 500]
        visitor.complaints.clear()
    context.close()
    return "\n".join(found)


def visited(site: Site, visitor: Visitor, language: str, looks: list[Look]) -> Iterator[tuple[Look, Page]]:
    tokens = {look.login: site.world.sign_in(look.login).token for look in looks if look.login}
    for look in looks:
        signed_in = {site.world.settings.auth_cookie: tokens[look.login]} if look.login else {}
        visitor.be({"lang": language, **signed_in})
        page = visitor.open(look.path)
        yield look, visitor.send(look.to, look.sends, look.token) if look.to else page


def shape_of(answer: TestResponse) -> Any:
    """Equal for pages of the same elements, roles and classes: neither rules nor widths can tell them apart."""
    return _shape(html5lib.parse(answer.text, namespaceHTMLElements=False).find(".//body"))


def _shape(element: Any) -> Any:
    """Of several alike in a row, one."""
    told = sorted((name, value if name in TOLD_APART else "") for name, value in element.attrib.items())
    children = [_shape(child) for child in element if isinstance(child.tag, str)]
    text = "".join(element.itertext()).strip() != ""
    return element.tag, tuple(told), text, tuple(shape for shape, _ in groupby(children))


def problems(page: Page) -> list[str]:
    here = page.url
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    violated = page.evaluate(RUN_AXE)
    found = [f"{here}: {node['html'][:160]}: {node['failureSummary']}" for one in violated for node in one["nodes"]]
    before = page.viewport_size
    page.set_viewport_size({"width": NARROW, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    if before is not None:
        page.set_viewport_size(before)
    return found + ([f"{here}: {width} pixels wide on a screen of {NARROW}"] if width > NARROW else [])
