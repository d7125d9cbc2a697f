"""Take the pictures in docs/screenshots anew: `make screenshots`.

From a cinema in which somebody is in every state, at a moment that is always the same, so that only what a page shows
differently changes a picture.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from portal.demo.auth import keys
from tests.browser.conftest import ARGUMENTS, Site, installed
from tests.browser.everybody import Everybody, Look, add_troubles
from tests.browser.test_pages import options
from tests.browser.visitor import Visitor
from tests.conftest import migrate, settings_for
from tests.journeys.serving import served
from tests.journeys.waiting import free_port
from tests.world import World

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
LARGEST = 150 * 1000  # bytes
COLOURS = 128
TALLEST = 1400  # pixels of a page


@dataclass(frozen=True)
class Picture:
    name: str
    what: str  # of a Look of Everybody's
    ways: tuple[str, ...]


PICTURES = (
    Picture("plans", "a stranger", ("ru light phone", "en dark desktop")),
    Picture("check", "check page", ("ru light phone", "en light desktop")),
    Picture("hosted", "hosted page", ("en light phone",)),
    Picture("waiting", "payment: waiting", ("en light phone",)),
    Picture("paid", "payment: paid", ("ru light phone", "en dark desktop")),
    Picture("declined", "payment: declined for lack of money", ("ru dark phone",)),
    Picture("overview", "overview: active", ("ru light phone", "ru dark desktop", "en light desktop")),
    Picture("trial", "overview: trial", ("en light phone",)),
    Picture("past-due", "overview: past due", ("ru light phone",)),
    Picture("booked-change", "overview: booked change", ("en dark desktop",)),
    Picture("change", "change to premium-year", ("ru light desktop",)),
    Picture("cancel", "cancelling: active", ("ru light phone", "en dark phone")),
    Picture("cancelled", "proof: will end", ("ru light desktop",)),
    Picture("refund", "asking for a refund: offers", ("en light phone",)),
    Picture("refund-tracker", "refund: pending", ("ru dark phone",)),
    Picture("methods", "methods: two, one just saved", ("en light desktop",)),
    Picture("remove-card", "removing a card", ("ru light phone",)),
    Picture("invoice", "invoice: paid", ("en dark desktop",)),
    Picture("receipt", "cabinet.receipt", ("ru light desktop",)),
    Picture("history", "history of raisa", ("ru light desktop",)),
    Picture("not-found", "somebody else's", ("ru light phone",)),
)
OFFICE = Look("a customer", "/admin/customers/customer?id=timur", "admin")


def main() -> int:
    with cinema() as (site, everybody), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
        looks = {look.what: look for look in reversed(everybody.looks)}
        for picture in PICTURES:
            for way in picture.ways:
                take(browser, site, looks[picture.what], way, f"{picture.name}-{way.replace(' ', '-')}")
        take(browser, site, OFFICE, "ru dark desktop", "office-customer-ru-dark-desktop")
        browser.close()
    too_large = [file.name for file in FOLDER.glob("*.png") if file.stat().st_size > LARGEST]
    print(f"larger than {LARGEST:,} bytes: {', '.join(too_large) or 'none'}")
    return 1 if too_large else 0


@contextmanager
def cinema() -> Iterator[tuple[Site, Everybody]]:
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        keys.ensure(folder)
        origin = f"http://127.0.0.1:{port}"
        settings = settings_for(folder, f"sqlite:///{folder / 'portal.db'}", public_url=origin)
        migrate(settings)
        world = World(settings)
        add_troubles(world.app)
        with served(world.app, port):
            yield Site(world, origin), Everybody(world)
        world.close()


def take(browser: Browser, site: Site, look: Look, way: str, name: str) -> None:
    context = browser.new_context(**options(way), reduced_motion="reduce")
    visitor = Visitor(context, site.origin)
    token = {site.world.settings.auth_cookie: site.world.sign_in(look.login).token} if look.login else {}
    visitor.be({"lang": way[:2], **token})
    page = visitor.open(look.path)
    if look.to:
        visitor.send(look.to, look.sends, look.token)
    file = FOLDER / f"{name}.png"
    height = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    width = page.evaluate("innerWidth")
    page.set_viewport_size({"width": width, "height": max(height, page.evaluate("innerHeight"))})
    page.screenshot(path=file)
    context.close()
    with Image.open(file) as taken:
        taken.convert("RGB").quantize(COLOURS).save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
