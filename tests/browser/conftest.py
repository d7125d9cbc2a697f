"""Chromium against a whole portal in this process: its pages are real, its time moves when the test says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.everybody import Everybody, add_troubles
from tests.browser.visitor import Visitor
from tests.conftest import settings_for
from tests.journeys.serving import served
from tests.journeys.waiting import free_port
from tests.world import World

FOUND = ("chromium", "chromium-browser", "google-chrome")
# As root there is no sandbox to be had; the rest keeps the browser from talking to anybody by itself.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]

Visit = Callable[..., Visitor]


def installed() -> str:
    named = os.environ.get("TEST_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, FOUND)), None)
    assert path, "Chromium is needed: install it, or set TEST_CHROMIUM to its path"
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Site:
    world: World
    origin: str


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def site(make_world: Callable[..., World]) -> Iterator[Site]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    world = make_world(public_url=origin)
    world.seed()
    with served(world.app, port):
        yield Site(world, origin)


@dataclass(frozen=True)
class Crowd:
    site: Site
    everybody: Everybody


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, secrets_template: Path) -> Iterator[Crowd]:
    """Somebody in every state. For tests that look: whatever they send is refused, or is the same each time."""
    folder = tmp_path_factory.mktemp("crowd")
    shutil.copy(sqlite_template, folder / "portal.db")
    shutil.copytree(secrets_template, folder / "secrets")
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    world = World(settings_for(folder, f"sqlite:///{folder / 'portal.db'}", public_url=origin))
    add_troubles(world.app)
    with served(world.app, port):
        yield Crowd(Site(world, origin), Everybody(world))
    world.close()


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """Visitors with a fresh browser each; the arguments are playwright's for a context."""
    with ExitStack() as stack:

        def come(**options: Any) -> Visitor:
            context = chromium.new_context(**options)
            stack.callback(context.close)
            return Visitor(context, site.origin)

        yield come
