"""The cinema's door, with the real demo Auth behind it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.demo.auth.app import service_of
from portal.demo.cinema import SENT
from portal.demo.films import FILMS, WORDS
from tests.demo.auth.places import COOKIE, Hand, told
from tests.demo.auth.test_pages import sign_in, strictly

PLAYING = WORDS["ru"]["now_playing"]
OFFER = WORDS["ru"]["offer"]


@pytest.fixture
def alice(client: FlaskClient) -> FlaskClient:
    """Signed in, with no subscription."""
    sign_in(client)
    return client


def buy(auth: Flask, version: int, *features: str) -> None:
    service_of(auth).apply_event(told("alice", version, features))


def follow(client: FlaskClient, path: str) -> tuple[int, str, list[str]]:
    """Status, page, and the ways gone, as a browser would go them."""
    answer = client.get(path, follow_redirects=True)
    return answer.status_code, strictly(answer), [step.request.path for step in answer.history]


def test_the_list_is_for_all_in_both_languages(client: FlaskClient) -> None:
    for lang in ("ru", "en"):
        page = strictly(client.get("/cinema/", headers={"Accept-Language": lang}))
        assert f'<html lang="{lang}">' in page
        for film in FILMS:
            assert f'href="/cinema/{film.slug}"' in page


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.slug)
def test_whoever_has_not_the_feature_is_offered_the_plans(alice: FlaskClient, film: object) -> None:
    answer = alice.get(f"/cinema/{film.slug}")  # type: ignore[attr-defined]  # a Film
    assert answer.status_code == 403
    assert OFFER in strictly(answer)
    assert 'href="/"' in answer.text


def test_whoever_is_not_signed_in_is_offered_the_plans_and_the_way_in(client: FlaskClient) -> None:
    answer = client.get("/cinema/north-wind", headers={"Accept-Language": "ru"})
    assert answer.status_code == 403
    assert 'href="/auth/login?next=%2Fcinema%2Fnorth-wind"' in strictly(answer)


def test_after_a_purchase_the_old_token_goes_to_refresh_and_the_new_one_sees_the_film(
    alice: FlaskClient,
    auth: Flask,
) -> None:
    buy(auth, 1, "uhd")
    answer = alice.get("/cinema/north-wind")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/auth/refresh?next=%2Fcinema%2Fnorth-wind")
    status, page, ways = follow(alice, "/auth/refresh?next=/cinema/north-wind")
    assert (status, ways) == (200, ["/auth/refresh"])
    assert PLAYING in page
    assert alice.get("/cinema/second-moon").status_code == 403, "the plan has not this feature"


@pytest.mark.fault("T11")
def test_after_a_cancellation_the_film_closes(alice: FlaskClient, auth: Flask) -> None:
    for version, features, seen in ((1, ("uhd",), 200), (2, (), 403), (3, ("uhd",), 200)):
        buy(auth, version, *features)
        status, _, ways = follow(alice, "/cinema/north-wind")
        assert (status, ways) == (seen, ["/cinema/north-wind", "/auth/refresh"])


def test_an_expired_token_is_renewed_on_the_way(alice: FlaskClient, auth: Flask, now: Hand) -> None:
    buy(auth, 1, "library")
    follow(alice, "/cinema/lighthouse")
    now.move(minutes=20)
    status, page, ways = follow(alice, "/cinema/lighthouse")
    assert (status, ways) == (200, ["/cinema/lighthouse", "/auth/refresh"])
    assert PLAYING in page


def test_rights_end_with_their_time_without_any_message(alice: FlaskClient, auth: Flask, now: Hand) -> None:
    buy(auth, 1, "library")
    assert follow(alice, "/cinema/lighthouse")[0] == 200
    now.move(days=60)
    assert follow(alice, "/cinema/lighthouse")[0] == 403


def test_a_refresh_that_does_not_help_ends_on_a_page_not_in_a_loop(alice: FlaskClient, auth: Flask) -> None:
    stale = alice.get_cookie(COOKIE)
    assert stale is not None
    buy(auth, 1, "uhd")
    assert alice.get("/cinema/north-wind").status_code == 302
    alice.set_cookie(COOKIE, stale.value)
    answer = alice.get("/cinema/north-wind", headers={"Accept-Language": "ru"})
    assert answer.status_code == 403
    assert WORDS["ru"]["again"] in strictly(answer)
    assert alice.get_cookie(SENT) is None, "the next visit may try again"


def test_a_forged_token_is_nobody_s(client: FlaskClient) -> None:
    client.set_cookie(COOKIE, "x.y.z")
    answer = client.get("/cinema/north-wind", headers={"Accept-Language": "ru"})
    assert answer.status_code == 403
    assert OFFER in answer.text
    assert client.get("/cinema/").status_code == 200


def test_a_program_gets_a_status_instead_of_a_way(client: FlaskClient, auth: Flask, now: Hand) -> None:
    def status(token: str) -> int:
        return client.get("/cinema/north-wind", headers={"Authorization": f"Bearer {token}"}).status_code

    first = service_of(auth).sign_in("alice")
    assert status(first.access) == 403
    buy(auth, 1, "uhd")
    assert status(first.access) == 401
    second = service_of(auth).refresh(first.refresh)
    assert status(second.access) == 200
    now.move(minutes=16)
    assert status(second.access) == 401
    assert status("x.y.z") == 401


def test_the_person_s_language_comes_before_the_browser_s(client: FlaskClient) -> None:
    sign_in(client, "clara")
    assert '<html lang="en">' in client.get("/cinema/", headers={"Accept-Language": "ru"}).text


def test_an_unknown_film_is_not_found(client: FlaskClient) -> None:
    for path in ("/cinema/nothing", "/cinema/no/such/way"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "<h1>" in strictly(answer)
