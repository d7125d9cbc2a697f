"""Installing payment modules from outside, and their payment system."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from portal.demo.sandbox.app import create_sandbox
from portal.demo.sandbox.book import Book
from portal.demo.transport import InProcess
from tests.world import GOOD_CARD, START, World

OUTSIDE = Path(__file__).with_name("outside")
API_KEY, SECRET = "sk_test_paywave", "whsec_test_paywave"  # public test values


def install(folder: Path) -> Path:
    """Build the package and install it where nothing else is; answers that place."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", folder, OUTSIDE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def write_package(folder: Path, entry_point: str, source: str, module: str = "brought") -> None:
    """An installed package as small as can be."""
    about = folder / f"matinee_{module}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: matinee-{module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[matinee.providers]\n{entry_point}\n")
    (folder / f"{module}.py").write_text(source)


@contextmanager
def on_path(folder: Path, *modules: str) -> Iterator[None]:
    """As if it were installed beside the portal, for this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        yield
    for module in modules:
        sys.modules.pop(module, None)


class PaymentSystem:
    """Paywave itself, on a real port and with a book of its own. It lives in the time of the world that it serves."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.world: World | None = None
        self.app = create_sandbox(
            database_url=f"sqlite:///{folder / 'paywave.db'}",
            api_key=API_KEY,
            webhook_secret=SECRET,
            public_base=url,
            now=lambda: self.world.clock.now() if self.world else START,
        )
        self.book: Book = self.app.extensions["sandbox"].book
        self.browser = httpx.Client()

    @property
    def environment(self) -> dict[str, str]:
        return {"PAYWAVE_URL": self.url, "PAYWAVE_API_KEY": API_KEY, "PAYWAVE_WEBHOOK_SECRET": SECRET}

    def pay(self, url: str, card: str = GOOD_CARD) -> None:
        form = {"card_number": card, "expiry": "12/34", "cvc": "123"}
        assert self.browser.post(url, data=form).status_code == 303

    def tell(self) -> None:
        """Deliver its webhooks, then let everything settle that follows from them."""
        assert self.world is not None
        deliverer = self.app.extensions["sandbox"].deliverer(
            "http://portal.test/webhooks/paywave", transport=InProcess(self.world.app, mount="")
        )
        while deliverer.run_once():
            pass
        deliverer.close()
        self.world.drain()

    def close(self) -> None:
        self.browser.close()
        self.book.close()
