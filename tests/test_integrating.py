"""The pages for those who connect their own programs: what they show is run, what they list is what is there."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from portal.config import Settings
from portal.demo.auth.events import read
from portal.domain.access import RESTATED, WITHDRAWS_TOKENS
from portal.domain.states import SUBSCRIPTION
from portal.outbox.rabbit import Topology
from tests.web.test_auth_elsewhere import Elsewhere, signing_key
from tests.web.test_tokens import AUDIENCE, ISSUER, KID, key, public_pem
from tests.world import World

ROOT = Path(__file__).parents[1]
CINEMA = (ROOT / "docs" / "integrating-the-cinema.md").read_text()
AUTH = (ROOT / "docs" / "integrating-auth.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", re.sub(r"^ {3}", "", page, flags=re.MULTILINE), re.DOTALL)


_, DECORATOR, JWKS = re.findall(r"```python\n(.*?)```", CINEMA, re.DOTALL)
EVENT, ENDPOINT, COMPARED = map(json.loads, blocks(AUTH, "json"))


@pytest.fixture
def entitlements_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file stands alone in somebody else's folder, beside Auth's key."""
    shutil.copy(ROOT / "portal" / "entitlements.py", tmp_path)
    (tmp_path / "auth_public.pem").write_bytes(public_pem(key()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("entitlements", None)


def shown(*code: str) -> SimpleNamespace:
    """What the page's code defines."""
    names: dict[str, Any] = {"__name__": "somebody_elses_cinema"}
    exec("\n".join(code), names)  # noqa: S102 - our own page
    return SimpleNamespace(**names)


def made(kid: str = KID, **claims: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    whole = {"sub": "alice", "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 900, **claims}
    return jwt.encode(whole, signing_key(kid), algorithm="RS256", headers={"typ": "at+jwt", "kid": kid})


PREMIUM = {"plan": "premium", "features": ["uhd"], "until": "2999-01-01T00:00:00Z"}


@pytest.mark.usefixtures("entitlements_copied")
def test_the_decorator_shows_the_film_to_those_whose_plan_has_its_feature() -> None:
    client = shown(DECORATOR).app.test_client()
    for claims, status in (({"subscriptions": [PREMIUM]}, 200), ({"subscriptions": []}, 403)):
        header = {"Authorization": f"Bearer {made(**claims)}"}
        assert client.get("/films/second-moon", headers=header).status_code == status
        client.set_cookie("access_token", made(**claims))
        assert client.get("/films/second-moon").status_code == status


@pytest.mark.usefixtures("entitlements_copied")
def test_the_decorator_sends_browsers_to_auth_and_tells_programs_why() -> None:
    client = shown(DECORATOR).app.test_client()
    for token, error, where in ((made(exp=1), "token_expired", "/refresh"), ("forged", "unauthorized", "/login")):
        answer = client.get("/films/second-moon", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json) == (401, {"error_id": error})
        client.set_cookie("access_token", token)
        to = urlsplit(client.get("/films/second-moon?from=home").headers["Location"])
        assert (to.netloc, to.path) == ("auth.example", where)
        assert parse_qs(to.query)["next"] == ["/films/second-moon?from=home"]


@pytest.mark.usefixtures("entitlements_copied")
def test_keys_by_address_open_and_a_made_up_one_is_a_bad_token() -> None:
    auth = Elsewhere()
    try:
        cinema = shown(DECORATOR, JWKS.replace("https://auth.example/jwks.json", auth.url))
        read = {"at": datetime.now(UTC), "issuer": ISSUER, "audience": AUDIENCE}
        good = made(subscriptions=[PREMIUM])
        assert cinema.has_feature(good, "uhd", key=cinema.key_of(good), **read)
        for bad in (made("made up"), "forged", ""):
            with pytest.raises(cinema.BadToken):
                cinema.key_of(bad)
        assert auth.asked == 1
    finally:
        auth.close()


# Auth


class Declared:
    """A channel that writes down what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **more: self.calls.append((name, args, more))


def test_the_topology_of_the_page_is_the_one_that_is_declared() -> None:
    channel = Declared()
    Topology().declare(channel)
    rows = [line for line in AUTH.splitlines() if line.startswith("| ")]
    for call, args, more in channel.calls:
        names = [f"`{name}`" for name in args if isinstance(name, str) and name not in ("topic", "direct", "fanout")]
        arguments = (more.get("arguments") or {}).items()
        words = [f"`{name}: {value}`" for name, value in arguments if name != "x-queue-type"]
        kinds = [value for name, value in arguments if name == "x-queue-type"]
        kinds += [word for word in (*args[1:2], more.get("exchange_type")) if word in ("topic", "direct", "fanout")]
        told = [*names, *words, *kinds, *(["durable"] if more.get("durable") else [])]
        assert any(all(word in row for word in told) for row in rows), (call, told)


def test_the_page_lists_every_type_and_whether_it_withdraws_tokens() -> None:
    listed = dict(re.findall(r"^\| `(subscription\.\w+)` \|.*\| (yes|no) \|$", AUTH, re.MULTILINE))
    told = {edge.tells for edge in SUBSCRIPTION if edge.tells} | {RESTATED}
    assert listed == {type_: "yes" if type_ in WITHDRAWS_TOKENS else "no" for type_ in told}


def test_every_setting_of_the_page_exists() -> None:
    named = set(re.findall(r"\bAUTH_[A-Z_]+\b", AUTH))
    assert len(named) > 10
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_the_statement_of_the_page_applies_only_what_is_newer() -> None:
    (statement,) = blocks(AUTH, "sql")
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE rights (user_id PRIMARY KEY, version, tokens_from_version, subscriptions)")
    for version, tokens_from in ((2, 2), (1, 1), (2, 2), (4, 3), (3, 3), (5, 1)):
        values = {"user_id": "alice", "version": version, "tokens_from_version": tokens_from}
        store.execute(statement, {**values, "subscriptions": f"of version {version}"})
    assert store.execute("SELECT * FROM rights").fetchall() == [("alice", 5, 3, "of version 5")]


def test_the_event_of_the_page_is_one_that_the_demo_auth_takes() -> None:
    assert read(EVENT).version == EVENT["data"]["version"]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_events_and_answers_have_the_members_that_the_page_shows(make_world: Any, engine: str) -> None:
    world: World = make_world(service_tokens=f"page:{sha256(b'a public test value').hexdigest()}")
    world.seed()
    world.bought("alice")
    (sent,) = world.auth.sent
    assert shape(json.loads(sent.body)) == shape(EVENT)
    service = {"Authorization": "Bearer a public test value"}
    answer = world.app.test_client().get("/api/v1/users/alice/entitlements", headers=service).json
    assert set(answer) == set(ENDPOINT)
    assert shape(answer["subscriptions"]) == shape(EVENT["data"]["subscriptions"])
    assert shape(world.rights("alice")) == shape(COMPARED)


def shape(of: Any) -> Any:
    """Which members it has, all the way down."""
    if isinstance(of, dict):
        return {name: shape(value) for name, value in of.items()}
    return [shape(value) for value in of if isinstance(value, dict)] if isinstance(of, list) else None
