"""Signing in with a browser."""

from __future__ import annotations

import html5lib
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.demo.auth.places import COOKIE, Hand, new_auth


def strictly(answer: TestResponse) -> str:
    """The page, after a parser found nothing to forgive."""
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def sign_in(client: FlaskClient, login: str = "alice", to: str = "/") -> TestResponse:
    return client.post("/auth/login", data={"login": login, "next": to})


def test_the_page_lists_the_people_in_the_reader_s_language(client: FlaskClient) -> None:
    russian = strictly(client.get("/auth/login?next=/cabinet", headers={"Accept-Language": "ru"}))
    assert '<html lang="ru">' in russian
    english = strictly(client.get("/auth/login", headers={"Accept-Language": "en"}))
    assert '<html lang="en">' in english
    for login in ("alice", "boris", "clara", "admin", "finance", "finance2", "product", "support", "viewer"):
        assert f'value="{login}"' in russian
    assert 'name="next" value="/cabinet"' in russian


def test_the_language_can_be_switched_and_the_portal_s_choice_counts(client: FlaskClient) -> None:
    client.set_cookie("lang", "en")
    assert '<html lang="en">' in client.get("/auth/login", headers={"Accept-Language": "ru"}).text
    assert '<html lang="ru">' in client.get("/auth/login?lang=ru").text


@pytest.mark.fault("T15")
def test_signing_in_sets_two_cookies_that_scripts_cannot_read(client: FlaskClient) -> None:
    answer = sign_in(client, to="/cabinet")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cabinet")
    access, refresh = answer.headers.getlist("Set-Cookie")
    for cookie in (access, refresh):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie
    assert access.startswith(f"{COOKIE}=")
    assert "Path=/;" in access + ";"
    assert "Path=/auth;" in refresh + ";"


@pytest.mark.fault("T15")
def test_outside_the_demo_cookies_are_for_https_only(tmp_path: object) -> None:
    answer = new_auth(tmp_path, secure=True).test_client().post("/login", data={"login": "alice"})  # type: ignore[arg-type]  # a Path
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


@pytest.mark.fault("T19")
@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
def test_nobody_is_sent_to_another_site(client: FlaskClient, to: str) -> None:
    assert sign_in(client, to=to).headers["Location"] == "/"
    assert client.get("/auth/refresh", query_string={"next": to}).headers["Location"] == "/"


def test_somebody_unknown_sees_the_page_again(client: FlaskClient) -> None:
    answer = sign_in(client, "mallory", "/cabinet")
    assert answer.status_code == 404
    assert 'role="alert"' in strictly(answer)
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("path", ["/auth/login", "/auth/logout"])
@pytest.mark.parametrize("header", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_on_another_site_signs_nobody_in_or_out(client: FlaskClient, path: str, header: dict[str, str]) -> None:
    answer = client.post(path, data={"login": "alice"}, headers=header)
    assert answer.status_code == 403
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("header", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}])
def test_our_own_form_signs_in(client: FlaskClient, header: dict[str, str]) -> None:
    assert client.post("/auth/login", data={"login": "alice"}, headers=header).status_code == 303


def test_a_refresh_renews_the_cookie_and_goes_back(client: FlaskClient, now: Hand) -> None:
    sign_in(client)
    old = client.get_cookie(COOKIE)
    now.move(hours=1)
    answer = client.get("/auth/refresh?next=/cabinet?tab=2")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/cabinet?tab=2")
    new = client.get_cookie(COOKIE)
    assert old is not None
    assert new is not None
    assert new.value != old.value


def test_a_refresh_without_its_cookie_asks_to_sign_in(client: FlaskClient) -> None:
    answer = client.get("/auth/refresh?next=/cabinet")
    assert answer.headers["Location"] == "/auth/login?next=%2Fcabinet"


def test_signing_out_ends_the_refresh_token_too(client: FlaskClient) -> None:
    sign_in(client)
    refresh = client.get_cookie(f"{COOKIE}_refresh", path="/auth")
    assert refresh is not None
    answer = client.post("/auth/logout", data={"next": "/cinema/"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cinema/")
    assert client.get_cookie(COOKIE) is None
    assert client.get_cookie(f"{COOKIE}_refresh", path="/auth") is None
    assert client.post("/auth/refresh", json={"refresh_token": refresh.value}).status_code == 401


@pytest.mark.fault("A10")
def test_a_name_from_an_event_is_text_not_markup(client: FlaskClient, auth: object) -> None:
    from portal.demo.auth.app import service_of
    from tests.demo.auth.places import told

    service_of(auth).apply_event(told("<b>\"o'lga", 1, ("uhd",)))  # type: ignore[arg-type]  # the app
    assert "<b>" not in strictly(client.get("/auth/login"))
    assert sign_in(client, "<b>\"o'lga").status_code == 303
