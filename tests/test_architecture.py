"""The house keeps its rules, and the rules can be broken: a checker that cannot fail holds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import RULES, House, Rule

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def our_house() -> House:
    paths = [path for room in ("portal", "tasks", "tests") for path in (ROOT / room).rglob("*.py")]
    paths += [path for path in [ROOT / "wsgi.py"] if path.exists()]
    return House({path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(paths)})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rule(our_house: House, rule: Rule) -> None:
    broken = list(rule(our_house))
    assert not broken, "\n".join(["", *broken])


# One small wrong house each: its files as (path, source), and what must be said of it.
WRONG: list[tuple[list[tuple[str, str]], str]] = [
    ([("portal/domain/a.py", "import portal.services.buy")], "a.py:1: domain may not import services.buy"),
    (
        [("portal/models/a.py", "def f():\n    from portal.services import buy")],
        "a.py:2: models may not import services",
    ),
    ([("portal/queries/a.py", "from portal.outbox.append import x")], "queries may not import outbox.append"),
    ([("portal/audit/a.py", "from portal.domain import states")], "a.py:1: audit may not import domain"),
    ([("portal/db/a.py", "from ..web import x"), ("portal/web/x.py", "")], "db may not import web.x"),
    ([("portal/services/a.py", "from portal.providers.stripe import x")], "services may not import providers.stripe"),
    ([("portal/providers/a.py", "from portal.db import rows")], "providers may not import db"),
    (
        [("portal/providers/conformance/a.py", "from portal.demo.sandbox.book import Book")],
        "providers.conformance may not import demo.sandbox.book",
    ),
    ([("portal/providers/conformance/a.py", "import pytest")], "providers.conformance may not import pytest"),
    ([("portal/web/cabinet/a.py", "import portal.models.plan")], "web.cabinet may not import models.plan"),
    ([("portal/web/admin/a.py", "import portal.web.api.x")], "web.admin may not import web.api.x"),
    ([("portal/demo/sandbox/a.py", "import portal.db.rows")], "demo.sandbox may not import db.rows"),
    ([("portal/demo/auth_x.py", "from portal import clock")], "demo.auth may not import clock"),
    ([("portal/runtime.py", "from portal.clock import Clock")], "runtime may not import clock"),
    ([("portal/attic.py", "")], "attic.py:1: this module stands in no room"),
    ([("portal/services/a.py", "import tasks")], "it never imports tasks"),
    ([("portal/domain/a.py", "import flask")], "domain may not import flask"),
    (
        [("portal/outbox/relay.py", "import pika")],
        "relay.py:1: only portal/outbox/rabbit.py and portal/outbox/pipeline.py and portal/demo/auth",
    ),
    (
        [("portal/db/a.py", "import psycopg"), ("portal/db/b.py", "from psycopg import sql")],
        "b.py:1: psycopg belongs in one file, and portal/db/a.py has it",
    ),
    ([("portal/web/helpers/dates.py", "")], "nothing is called helpers"),
    ([("portal/db/__init__.py", "x = 1")], "db/__init__.py:1: importing a room must not"),
    (
        [("portal/db/a.py", "import portal.db.b"), ("portal/db/b.py", "def f():\n    import portal.db.a")],
        "b.py:2: a cycle: portal.db.a -> portal.db.b -> portal.db.a",
    ),
    ([("portal/web/a.py", "x = datetime.now(UTC)")], "a.py:1: datetime.now reads the time"),
    ([("portal/models/a.py", "x = dict(default=dt.date.today)")], "a.py:1: date.today reads the time"),
    ([("tasks/a.py", "from time import time")], "a.py:1: time.time reads the time"),
    ([("tests/test_a.py", "import time\ntime.sleep(1)")], "test_a.py:2: no time.sleep in tests"),
    ([("tests/test_a.py", "@pytest.mark.skipif(x)\ndef f(): ...")], "no mark.skipif in tests"),
]


@pytest.mark.parametrize(("files", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_each_rule_can_be_broken_and_says_where(files: list[tuple[str, str]], sentence: str) -> None:
    broken = [line for rule in RULES for line in rule(House(dict(files)))]
    assert len(broken) == 1
    assert sentence in broken[0]


def test_every_rule_is_broken_by_one_of_the_wrong_houses() -> None:
    houses = [House(dict(files)) for files, _ in WRONG]
    assert [rule.__name__ for rule in RULES if not any(list(rule(house)) for house in houses)] == []


@pytest.mark.parametrize(
    "sources",
    [
        {"portal/runtime.py": "if TYPE_CHECKING:\n    from portal.clock import Clock"},
        {"portal/app.py": "from portal.web.cabinet import x\nfrom portal.config import load_settings"},
        {"portal/web/cabinet/a.py": "from portal.web.auth import x\nfrom portal import failpoints"},
        {"portal/db/a.py": "deadline = time.monotonic() + 1"},
        {"portal/clock.py": "now = datetime.now(UTC)"},
        {"portal/services/a.py": "from portal.providers.port import Provider\nnow = clock.now()"},
        {"tests/services/test_a.py": "import pika, portal.models.plan, portal.web.api.x"},
    ],
)
def test_what_is_allowed_is_left_alone(sources: dict[str, str]) -> None:
    assert [line for rule in RULES for line in rule(House(sources))] == []
