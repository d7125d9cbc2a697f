"""What every answer carries and every request must pass: caches, cookies, sessions, hosts, and what is not there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.api.refusals import Untouched
from tests.web.test_errors import every_address
from tests.world import World, csrf_of, path_of

PUBLIC = ("/static/", "/healthz", "/readyz", "/api/v1/plans")  # the same for everybody
ORDER = {"terms": "y", "personal_data": "y", "renewal": "y", "count": "1"}


@pytest.fixture
def engine() -> str:
    return "sqlite"


def answers(world: World, guid: str, who: FlaskClient) -> Iterator[TestResponse]:
    for path in every_address(world, guid):
        if not path.startswith(PUBLIC):
            yield who.get(path)


@pytest.mark.fault("T14")
def test_no_shared_cache_keeps_what_is_somebodys(world: World) -> None:
    """Refusals, ways to sign in and what is not there included."""
    guid = world.bought("alice")["invoice_guid"]
    for who in (world.browser("alice"), world.browser("admin"), world.app.test_client()):
        for answer in (
            *answers(world, guid, who),
            who.get("/nothing"),
            who.get("/static/nothing"),
            who.post("/language"),
        ):
            assert answer.headers["Cache-Control"] == "no-store", answer.request.path
            assert "Cookie" in answer.vary, answer.request.path
            assert "Authorization" in answer.vary, answer.request.path


def test_a_well_formed_request_id_is_taken_and_comes_back(world: World) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    client = world.app.test_client()
    for given in ("order-1042", "a.b_C-12", "x" * 64):
        for path in ("/", "/api/v1/plans", "/api/v1/purchases", "/api/v1/nothing", "/healthz"):
            answer = client.get(path, headers={"X-Request-Id": given})
            assert answer.headers["X-Request-Id"] == given, path
            if answer.status_code >= 400:
                assert answer.json["request_id"] == given


NO_REQUEST_IDS = (None, "", "short-1", "x" * 65, "two words", 'a"b;c=d-e', "идентификатор", "<script>")


@pytest.mark.parametrize("given", NO_REQUEST_IDS)
def test_any_other_request_id_is_replaced_by_one_of_ours(world: World, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode().decode("latin-1")}
    client = world.app.test_client()
    made = [client.get("/api/v1/plans", headers=headers).headers["X-Request-Id"] for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)
    assert made[0] != made[1]


@pytest.mark.parametrize("path", ["/", "/cabinet", "/api/v1/plans", "/api/v1/purchases", "/auth/token", "/healthz"])
def test_a_page_of_another_site_may_not_call(world: World, path: str) -> None:
    client = world.app.test_client()
    for origin in ("https://evil.example", "null", world.settings.origin):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
        for method in ("OPTIONS", "GET", "POST"):
            answer = client.open(path, method=method, headers=asked)
            assert [name for name, _ in answer.headers if name.startswith("Access-Control-")] == []


@pytest.mark.fault("T15")
def test_our_own_cookies_are_for_https_and_not_for_scripts(make_world: Callable[..., World]) -> None:
    world = make_world(public_url="https://billing.example")
    world.seed()
    browser = world.app.test_client()
    browser.set_cookie(world.settings.auth_cookie, world.sign_in("alice").token, domain="billing.example")
    given = browser.get("/buy/standard", base_url="https://billing.example").headers.getlist("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in given] == ["session"]
    for cookie in given:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain=" not in cookie


@pytest.mark.fault("T13")
def test_a_session_says_nothing_about_who_calls(world: World) -> None:
    """Planted before signing in, left from somebody, kept after signing out: it carries the form's token only."""
    alice = world.browser("alice")
    token = csrf_of(alice.get("/buy/standard").text)
    session = alice.get_cookie("session", domain="localhost")
    assert session is not None

    thief = world.app.test_client()
    thief.set_cookie("session", session.value, domain="localhost")
    with Untouched(world):
        assert thief.get("/cabinet").location.startswith("/auth/login")
        assert thief.post("/buy/standard", data=ORDER | {"csrf_token": token}).location.startswith("/auth/login")

    boris = world.browser("boris")
    boris.set_cookie("session", session.value, domain="localhost")
    assert boris.post("/buy/standard", data=ORDER | {"csrf_token": token}).status_code == 303
    assert [row["user_id"] for row in world.rows("SELECT user_id FROM invoices")] == ["boris"]


@pytest.mark.fault("T19")
def test_a_host_that_somebody_made_up_is_in_no_address_of_ours(world: World) -> None:
    evil = {"base_url": "http://evil.example", "headers": {"X-Forwarded-Host": "evil.example"}}
    alice = world.sign_in("alice")
    evil["headers"] |= {"Authorization": f"Bearer {alice.token}"}  # type: ignore[operator]  # the headers
    order = {"product_id": "standard", "product_count": 1}
    started = alice.client.post("/api/v1/purchases", json=order, **evil)  # type: ignore[arg-type]  # of a request
    assert started.json["redirect_url"].startswith("http://portal.test/sandbox/pay/")
    listed = alice.client.get("/api/v1/purchases?page_limit=1", **evil)  # type: ignore[arg-type]  # as above
    assert "evil" not in str(listed.headers) + listed.text
    paid = world.pay(started.json["redirect_url"])
    assert paid.location == f"http://portal.test/payments/{started.json['invoice_guid']}"
    for path in ("/", "/cabinet", "/auth/login", path_of(started.json["redirect_url"])):
        page = world.app.test_client().get(path, base_url="http://evil.example")
        assert "evil" not in str(page.headers) + page.text, path


@pytest.mark.fault("N6")
@pytest.mark.parametrize(
    ("kind", "parts"), [("multipart/form-data", 1500), ("application/x-www-form-urlencoded", 6000)]
)
def test_a_form_of_thousands_of_parts_is_refused_as_a_page(world: World, kind: str, parts: int) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    alice = world.browser("alice")
    token = csrf_of(alice.get("/buy/standard").text)
    many = {f"field{number}": "x" * 60 for number in range(parts)}
    with Untouched(world):
        answer = alice.post("/buy/standard", data=many | ORDER | {"csrf_token": token}, content_type=kind)
    assert (answer.status_code, answer.mimetype) == (413, "text/html")
    assert alice.post("/buy/standard", data=ORDER | {"csrf_token": token}).status_code == 303


CLOSED = (
    *("/.git/config", "/.env", "/instance/secrets/secret_key", "/portal/config.py", "/wsgi.py", "/backup.sql"),
    *("/static/../portal/config.py", "/static/%2e%2e/wsgi.py", "/static//etc/passwd", "/static/..%5cwsgi.py"),
    *("/console", "/debug", "/_debug_toolbar/", "/server-status", "/phpinfo.php", "/actuator/env"),
)


@pytest.mark.fault("O8")
@pytest.mark.parametrize("path", CLOSED)
def test_files_of_ours_and_debug_pages_are_not_there(world: World, path: str) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    for who in (world.app.test_client(), world.browser("admin")):
        answer = who.get(path, follow_redirects=True)
        assert answer.status_code == 404
        assert "Traceback" not in answer.text


@pytest.mark.fault("O8")
def test_an_error_of_ours_shows_nothing_of_the_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    browser = world.browser("alice")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password of the database is hunter2")

    monkeypatch.setattr("portal.queries.invoices.page_of_user", broken)
    for answer in (browser.get("/cabinet/invoices"), world.sign_in("alice").get("/purchases")):
        assert answer.status_code == 500
        assert answer.headers["X-Request-Id"] in answer.text
        for word in ("hunter2", "RuntimeError", "Traceback", ".py"):
            assert word not in answer.text
