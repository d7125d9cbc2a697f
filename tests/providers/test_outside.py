"""A payment module from an installed package: it is found, made and used, and nothing of the portal was changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.config import Misconfigured
from portal.providers import registry
from portal.providers.registry import UnknownProvider, UnusableProvider
from tests.conftest import settings_for
from tests.providers.installing import PaymentSystem, on_path, write_package
from tests.web.cabinet.visitor import Visitor
from tests.world import World


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_a_payment_goes_through_it_from_the_page_to_the_rights(both: World, paywave: PaymentSystem) -> None:
    visitor = Visitor(both).open("/buy/standard")
    visitor.says("With Paywave", "By card in the sandbox")
    visitor.press("Pay", terms="on", personal_data="on", renewal="on", provider="paywave")
    page = visitor.answer.location
    assert page.startswith(f"{paywave.url}/pay/")

    paywave.pay(page)
    paywave.tell()

    assert [entry["plan"] for entry in both.rights("alice")["entitlements"]] == ["standard"]
    assert [charge["taken"] for charge in paywave.book.charges()] == [29900]
    assert both.sandbox.book.payments() == []
    assert both.one("SELECT provider, state FROM payments") == {"provider": "paywave", "state": "succeeded"}


def test_its_pages_are_where_a_form_may_end(both: World, paywave: PaymentSystem) -> None:
    policy = both.browser("alice").get("/buy/standard").headers["Content-Security-Policy"]
    (targets,) = (part for part in policy.split("; ") if part.startswith("form-action "))
    assert paywave.url.removesuffix("/paywave") in targets.split()


def test_it_needs_nothing_but_to_be_installed_beside_the_portal(installed: Path, tmp_path: Path) -> None:
    """In a process of its own, that finds the package as any program finds an installed one."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "APP_ENV": "test",
        "DATA_DIR": str(tmp_path),
        "PAYMENT_PROVIDERS": "paywave",
        "PAYWAVE_URL": "https://api.paywave.example",
        "PAYWAVE_API_KEY": "sk_test",
        "PAYWAVE_WEBHOOK_SECRET": "whsec_test",
    }
    asked = "from portal.app import create_app; print(list(create_app().extensions['matinee'].providers))"
    root = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    assert told.stdout == "['paywave']\n", told.stderr
    del environment["PAYWAVE_URL"]
    refused = subprocess.run(
        [sys.executable, "-c", asked], cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    assert refused.returncode == 1
    assert refused.stderr == (
        "matinee: take 'paywave' out of PAYMENT_PROVIDERS, or put it right: "
        "it does not start: ValueError: set PAYWAVE_URL\n"
    )


def test_it_is_not_used_where_nobody_switched_it_on(make_world: object, paywave: PaymentSystem) -> None:
    world: World = make_world()  # type: ignore[operator]
    assert list(world.app.extensions["matinee"].providers) == ["sandbox"]


WHOLE = """
from portal.providers.sandbox import SandboxProvider

class Brought(SandboxProvider):
    name = "brought"
    titles = {"ru": "Иначе", "en": "Otherwise"}

def make(environment):
    return Brought("https://api.example", "key", "secret")
"""
MADE = 'return Brought("https://api.example", "key", "secret")'


def refusal(folder: Path, source: str, entry_point: str = "brought = brought:make", name: str = "brought") -> str:
    write_package(folder, entry_point, source)
    with on_path(folder, "brought"), pytest.raises(UnusableProvider) as refused:
        registry.build([name], {}, {})
    said = str(refused.value)
    assert "\n" not in said
    assert said.startswith(f"take {name!r} out of PAYMENT_PROVIDERS, or put it right: ")
    return said.partition("put it right: ")[2]


def test_a_package_as_small_as_can_be_is_enough(tmp_path: Path) -> None:
    write_package(tmp_path, "brought = brought:make", WHOLE)
    with on_path(tmp_path, "brought"):
        made = registry.build(["brought"], {}, {})
    assert made["brought"].titles["en"] == "Otherwise"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere", "brought:make cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1", "brought:make cannot be loaded: AttributeError: module 'brought' has no attribute 'make'"),
        (WHOLE.replace(MADE, "raise KeyError('BROUGHT_KEY')"), "it does not start: KeyError: 'BROUGHT_KEY'"),
        (WHOLE.replace(MADE, "raise OSError('two\\nlines')"), "it does not start: OSError: two lines"),
        ("make = 5", "it does not start: TypeError: 'int' object is not callable"),
        (
            WHOLE.replace("(SandboxProvider)", "").replace(MADE, "return Brought()"),
            "it has no abilities, checkout_origin, start_checkout, close_checkout, charge, refund, find, find_refund, "
            "money_back, listed, detach, verify, parse",
        ),
        (
            WHOLE.replace('"brought"', '"other"'),
            "it calls itself 'other', and its entry point is 'brought': both are one word of a-z, 0-9, -, _",
        ),
        (WHOLE.replace('"ru": "Иначе", ', ""), "its titles have to be there in ru and en"),
        (
            WHOLE.replace(MADE, f"made = {MADE[7:]}; made.checkout_origin = 'example; x'; return made"),
            "its checkout_origin 'example; x' is not an origin like https://pay.example",
        ),
    ],
    ids=["import", "attribute", "raises", "two lines", "no maker", "members", "name", "titles", "origin"],
)
def test_a_module_that_cannot_be_used_says_why_in_one_line(tmp_path: Path, source: str, said: str) -> None:
    assert refusal(tmp_path, source) == said


def test_a_name_that_is_no_word_is_refused(tmp_path: Path) -> None:
    source = WHOLE.replace('"brought"', '"Brought By"')
    assert "one word of a-z" in refusal(tmp_path, source, "Brought By = brought:make", "Brought By")


def test_two_packages_with_one_name_are_refused(tmp_path: Path) -> None:
    write_package(tmp_path, "brought = also:make", WHOLE, module="also")
    assert refusal(tmp_path, WHOLE) == "2 installed packages bring it, uninstall all but one"


def test_a_package_cannot_take_the_name_of_one_of_ours(tmp_path: Path, paywave: PaymentSystem) -> None:
    ours = object()
    assert registry.build(["paywave"], {"paywave": lambda: ours}, {}) == {"paywave": ours}  # type: ignore[dict-item]  # not looked at


def test_what_is_not_installed_is_refused_with_what_is(paywave: PaymentSystem) -> None:
    with pytest.raises(UnknownProvider, match="some of ours, paywave: 'nosuch' is not installed"):
        registry.build(["nosuch"], {"ours": object}, {})  # type: ignore[dict-item]  # never made


def test_the_portal_does_not_start_with_a_module_that_cannot_be_used(tmp_path: Path) -> None:
    from portal.app import create_app

    write_package(tmp_path / "packages", "brought = brought:make", "raise RuntimeError('broken')")
    with on_path(tmp_path / "packages", "brought"), pytest.raises(Misconfigured) as refused:
        create_app(settings_for(tmp_path, f"sqlite:///{tmp_path / 'portal.db'}", payment_providers="sandbox, brought"))
    assert str(refused.value).endswith("brought:make cannot be loaded: RuntimeError: broken")


def test_what_is_written_in_the_env_file_reaches_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.config import environment

    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("BROUGHT_KEY=from the file\nBROUGHT_URL=from the file\n")
    monkeypatch.setenv("BROUGHT_URL", "from the environment")
    assert environment()["BROUGHT_KEY"] == "from the file"
    assert environment()["BROUGHT_URL"] == "from the environment"
