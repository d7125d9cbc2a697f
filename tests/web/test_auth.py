"""The guards: pages look at the cookie, the API at the header, and nobody is sent to another site."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, abort, jsonify
from flask.testing import FlaskClient

from portal import runtime
from portal.config import Settings
from portal.demo.auth import keys
from portal.demo.auth.issuing import Issuer
from portal.demo.auth.store import Account
from portal.demo.rooms import safe_next as rooms_safe_next
from portal.domain.errors import TokenExpired, Unauthorized
from portal.web.auth import bearer_person, current_person, optional_person, safe_next, sign_in_url, signed_in
from tests.web.test_tokens import AT, AUDIENCE, ISSUER

ALICE = Account("alice", "Alice", None, None, None, [], 0, 0, [])


class Issued:
    def __init__(self, data: Path) -> None:
        self._issuer = Issuer(keys.ensure(data), ISSUER, AUDIENCE)
        self.good = self._issuer.access_token(ALICE, AT)
        self.expired = self._issuer.access_token(ALICE, AT - timedelta(hours=1))
        self.forged = self.good[:-8] + "AAAAAAAA"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def issued(data: Path) -> Issued:
    return Issued(data)


def settings(data: Path, **given: object) -> Settings:
    values = {"app_env": "test", "data_dir": data, "auth_issuer": ISSUER, "auth_audience": AUDIENCE, **given}
    return Settings.model_validate(values)


def pages(configured: Settings) -> Flask:
    app = Flask(__name__)
    app.extensions[runtime.KEY] = SimpleNamespace(settings=configured, clock=SimpleNamespace(now=lambda: AT))

    @app.route("/cabinet", methods=["GET", "POST"])
    @signed_in
    def cabinet() -> Any:
        return jsonify(current_person().id)

    @app.post("/only-a-form")
    @signed_in
    def only_a_form() -> Any:
        abort(500)

    @app.get("/")
    def plans() -> Any:
        person = optional_person()
        return jsonify(person=person and person.id, sign_in=sign_in_url())

    @app.get("/api")
    def api() -> Any:
        return jsonify(bearer_person().id)

    app.register_error_handler(TokenExpired, lambda _: ("expired", 401))
    app.register_error_handler(Unauthorized, lambda _: ("unauthorized", 401))
    return app


@pytest.fixture
def client(data: Path, issued: Issued) -> Iterator[FlaskClient]:
    with pages(settings(data)).test_client() as client:
        yield client


def with_cookie(client: FlaskClient, token: str) -> FlaskClient:
    client.set_cookie("access_token", token)
    return client


def test_a_good_cookie_opens_a_page(client: FlaskClient, issued: Issued) -> None:
    assert with_cookie(client, issued.good).get("/cabinet").json == "alice"


@pytest.mark.parametrize(("token", "to"), [("", "login"), ("forged", "login"), ("expired", "refresh")])
def test_without_a_good_cookie_a_page_sends_away_and_back(
    client: FlaskClient, issued: Issued, token: str, to: str
) -> None:
    if token:
        with_cookie(client, getattr(issued, token))
    answer = client.get("/cabinet?tab=2&x=%2F")
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    assert (target.netloc, target.path) == ("", f"/auth/{to}")
    assert parse_qs(target.query) == {"next": ["/cabinet?tab=2&x=%2F"]}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("path", "back"), [("/cabinet", "/cabinet"), ("/only-a-form", "/")])
def test_a_form_that_came_too_late_comes_back_to_a_page_that_can_be_opened(
    client: FlaskClient, issued: Issued, path: str, back: str
) -> None:
    answer = with_cookie(client, issued.expired).post(path)
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": [back]}


def test_an_address_that_browsers_read_as_another_site_is_not_come_back_to(client: FlaskClient) -> None:
    answer = client.get("//evil.example/cabinet")
    assert "evil" not in answer.headers.get("Location", "")


def test_login_urls_of_a_real_auth_keep_their_own_query(data: Path) -> None:
    app = pages(settings(data, auth_login_url="https://auth.example/in?client=billing"))
    location = app.test_client().get("/cabinet").headers["Location"]
    assert location == "https://auth.example/in?client=billing&next=%2Fcabinet"


@pytest.mark.parametrize("token", ["", "forged", "expired"])
def test_a_page_for_all_takes_a_bad_cookie_for_none(client: FlaskClient, issued: Issued, token: str) -> None:
    if token:
        with_cookie(client, getattr(issued, token))
    assert client.get("/").json == {"person": None, "sign_in": "/auth/login?next=%2F"}


def test_a_page_for_all_knows_who_reads_it(client: FlaskClient, issued: Issued) -> None:
    assert with_cookie(client, issued.good).get("/").json["person"] == "alice"  # type: ignore[index]  # it is JSON


def test_the_api_never_looks_at_the_cookie(client: FlaskClient, issued: Issued) -> None:
    assert with_cookie(client, issued.good).get("/api").text == "unauthorized"


def test_pages_never_look_at_the_header(client: FlaskClient, issued: Issued) -> None:
    assert client.get("/cabinet", headers={"Authorization": f"Bearer {issued.good}"}).status_code == 302


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_api_takes_a_bearer_token(client: FlaskClient, issued: Issued, scheme: str) -> None:
    assert client.get("/api", headers={"Authorization": f"{scheme} {issued.good}"}).json == "alice"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YWxpY2U6", "{good}", "Token {good}", "Bearer {good} x"]
)
def test_the_api_takes_nothing_else(client: FlaskClient, issued: Issued, value: str) -> None:
    answer = client.get("/api", headers={"Authorization": value.format(good=issued.good)})
    assert (answer.status_code, answer.text) == (401, "unauthorized")


def test_the_api_tells_an_expired_token_apart(client: FlaskClient, issued: Issued) -> None:
    assert client.get("/api", headers={"Authorization": f"Bearer {issued.expired}"}).text == "expired"


@pytest.mark.fault("T19")
@pytest.mark.parametrize("check", [safe_next, rooms_safe_next])
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " /cabinet",
        "/cabinet x",
        "https://evil.example/",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "/\0",
        "/\u2028",
        "/" + "x" * 2000,
        "http:/evil.example",
    ],
)
def test_next_is_a_path_on_this_site_or_home(check: Any, value: str | None) -> None:
    assert check(value) == "/"


@pytest.mark.parametrize("check", [safe_next, rooms_safe_next])
@pytest.mark.parametrize("value", ["/", "/cabinet", "/buy/premium?count=2&x=//y", "/фильм", "/a#b", "/x:y"])
def test_next_may_be_any_page_of_ours(check: Any, value: str) -> None:
    assert check(value) == value
