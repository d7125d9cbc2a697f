"""The demo Auth as programs see it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.demo.auth import keys
from portal.demo.auth.app import service_of
from portal.demo.auth.people import PEOPLE
from portal.demo.auth.store import Store
from portal.web.keys import read_set
from portal.web.tokens import TokenReader
from tests.demo.auth.places import AT, AUDIENCE, EVENTS_TOKEN, ISSUER, Hand, told


def sign_in(client: FlaskClient, login: str = "alice") -> dict[str, Any]:
    return dict(client.post("/auth/token", json={"login": login}).get_json())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def check(client: FlaskClient, token: str) -> int:
    return client.get("/auth/check", headers=bearer(token)).status_code


def post_event(client: FlaskClient, event: dict[str, Any], token: str = EVENTS_TOKEN) -> Any:
    headers = {**bearer(token), "Content-Type": "application/cloudevents+json"}
    return client.post("/auth/events", data=json.dumps(event), headers=headers)


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_everybody_of_the_demo_can_sign_in_and_the_portal_believes_the_token(client: FlaskClient) -> None:
    published = read_set(client.get("/auth/jwks.json").data)
    reader = TokenReader(lambda kid: published.get(str(kid)), issuer=ISSUER, audience=AUDIENCE)
    for person in PEOPLE:
        read = reader.read(sign_in(client, person.login)["access_token"], AT)
        assert (read.id, read.email, read.locale) == (person.login, f"{person.login}@example.com", person.locale)
        assert read.roles == frozenset(person.roles)
        assert read.zone is None


def test_a_token_says_what_contract_and_cinema_expect(client: FlaskClient) -> None:
    post_event(client, told("alice", 1, ("uhd",)))
    token = sign_in(client)["access_token"]
    said = claims(token)
    assert said.pop("jti")
    seconds = int(AT.timestamp())
    assert said == {
        "sub": "alice",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": seconds,
        "nbf": seconds,
        "exp": seconds + 900,
        "token_type": "access",
        "roles": [],
        "email": "alice@example.com",
        "locale": "ru",
        "subscriptions": [{"plan": "premium", "features": ["uhd"], "until": "2026-12-29T10:00:00Z"}],
        "entitlements_version": 1,
    }
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


@pytest.mark.parametrize("login", ["nobody", "", "alice\0", "\ud800", "x" * 300, None, 1, ["alice"]])
def test_an_unknown_login_is_not_found(client: FlaskClient, login: object) -> None:
    answer = client.post("/auth/token", data=json.dumps({"login": login}))
    assert answer.status_code == 404
    assert answer.get_json()["error_id"] == "not_found"


@pytest.mark.parametrize("path", ["/auth/token", "/auth/refresh"])
@pytest.mark.parametrize("body", [b"", b"[]", b"alice", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(client: FlaskClient, path: str, body: bytes) -> None:
    answer = client.post(path, data=body)
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "invalid_request")


def test_a_body_beyond_reason_is_not_read(client: FlaskClient) -> None:
    answer = client.post("/auth/token", data=b"x" * 300_000)
    assert answer.status_code == 413
    assert answer.get_json()["error_id"]


def test_a_refresh_token_gives_new_access_tokens_for_400_days(client: FlaskClient, now: Hand) -> None:
    tokens = sign_in(client)
    now.move(days=399)
    again = client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert check(client, again.get_json()["access_token"]) == 200
    now.move(days=2)
    assert client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 401


@pytest.mark.parametrize("token", ["guess", "", None, 1])
def test_an_unknown_refresh_token_is_refused(client: FlaskClient, token: object) -> None:
    assert client.post("/auth/refresh", json={"refresh_token": token}).status_code == 401


def test_refresh_tokens_are_not_kept_readable(client: FlaskClient, tmp_path: Path) -> None:
    tokens = sign_in(client)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("auth.db*"))
    assert tokens["refresh_token"].encode() not in kept


@pytest.mark.fault("T11")
def test_an_event_withdraws_older_tokens_and_the_next_one_carries_the_rights(client: FlaskClient) -> None:
    tokens = sign_in(client)
    assert check(client, tokens["access_token"]) == 200
    assert post_event(client, told("alice", 1, ("library",))).get_json() == {"result": "applied"}
    assert check(client, tokens["access_token"]) == 401
    renewed = client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).get_json()["access_token"]
    assert check(client, renewed) == 200
    assert claims(renewed)["subscriptions"][0]["features"] == ["library"]


def test_a_renewal_withdraws_nothing(client: FlaskClient) -> None:
    post_event(client, told("alice", 1, ("library",)))
    token = sign_in(client)["access_token"]
    post_event(client, told("alice", 2, ("library",), withdraws_from=1))
    assert check(client, token) == 200


def test_the_version_below_which_tokens_are_refused_never_falls(client: FlaskClient) -> None:
    post_event(client, told("alice", 1))
    post_event(client, told("alice", 3, ("library",), withdraws_from=3))
    post_event(client, told("alice", 4, ("library",), withdraws_from=2))
    assert client.get("/auth/users/alice").get_json()["tokens_from_version"] == 3


def test_late_and_repeated_events_change_nothing(client: FlaskClient) -> None:
    newest = told("alice", 2, ("uhd",))
    for event, result in ((newest, "applied"), (newest, "older"), (told("alice", 1, ("library",)), "older")):
        assert post_event(client, event).get_json() == {"result": result}
    assert client.get("/auth/users/alice").get_json() == {
        "user_id": "alice",
        "version": 2,
        "tokens_from_version": 2,
        "entitlements": [{"plan": "premium", "features": ["uhd"], "until": "2026-12-29T10:00:00Z"}],
    }


def test_rights_are_replaced_as_a_whole(client: FlaskClient) -> None:
    post_event(client, told("alice", 1, ("uhd",)))
    post_event(client, told("alice", 2))
    assert client.get("/auth/users/alice").get_json()["entitlements"] == []


def test_rights_that_ran_out_are_not_in_the_next_token(client: FlaskClient, now: Hand) -> None:
    post_event(client, told("alice", 1, ("uhd",)))
    now.move(days=60)
    assert claims(sign_in(client)["access_token"])["subscriptions"] == []


def test_an_event_about_somebody_new_makes_them_known(client: FlaskClient) -> None:
    assert client.get("/auth/users/olga@example.com").status_code == 404
    post_event(client, told("olga@example.com", 1, ("uhd",)))
    assert client.get("/auth/users/olga@example.com").get_json()["version"] == 1
    assert "olga@example.com" in client.get("/auth/login").text


BAD = {
    "no version": lambda: told("alice", 1, data={"user_id": "alice", "tokens_from_version": 0, "subscriptions": []}),
    "a version 0": lambda: told("alice", 0),
    "a version of text": lambda: told("alice", "1"),  # type: ignore[arg-type]  # that is the point
    "a version true": lambda: told("alice", True),
    "a version beyond the column": lambda: told("alice", 2**40),
    "tokens from the future": lambda: told("alice", 1, withdraws_from=2),
    "nobody": lambda: told("", 1),
    "a name with NUL": lambda: told("alice\0", 1),
    "two people": lambda: told("alice", 1, subject="boris"),
    "another type": lambda: told("alice", 1, type="invoice.paid"),
    "no type": lambda: told("alice", 1, type=None),
    "no id": lambda: told("alice", 1, id=None),
    "another version of CloudEvents": lambda: told("alice", 1, specversion="2.0"),
    "no data": lambda: told("alice", 1, data=None),
    "until without a zone": lambda: told("alice", 1, ("uhd",), until="2026-12-29T10:00:00"),
    "until a word": lambda: told("alice", 1, ("uhd",), until="tomorrow"),
    "features of numbers": lambda: told("alice", 1, (1,)),  # type: ignore[arg-type]  # that is the point
}


@pytest.mark.fault("B12")
@pytest.mark.parametrize("event", BAD.values(), ids=BAD.keys())
def test_an_event_that_is_not_understood_as_a_whole_changes_nothing(client: FlaskClient, event: Any) -> None:
    answer = post_event(client, event())
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "invalid_request")
    assert client.get("/auth/users/alice").get_json()["version"] == 0


@pytest.mark.fault("B11")
@pytest.mark.parametrize("token", ["guess", "", "я", EVENTS_TOKEN + "x"])
def test_events_are_taken_from_the_relay_only(client: FlaskClient, token: str) -> None:
    assert post_event(client, told("alice", 1), token).status_code == 401
    assert post_event(client, told("alice", 1), sign_in(client)["access_token"]).status_code == 401
    assert client.get("/auth/users/alice").get_json()["version"] == 0


@pytest.mark.parametrize("header", [{}, bearer(""), bearer("x.y.z"), {"Authorization": "Basic YWxpY2U6"}])
def test_check_refuses_what_is_no_token(client: FlaskClient, header: dict[str, str]) -> None:
    answer = client.get("/auth/check", headers=header)
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "unauthorized")


def test_check_refuses_an_expired_token_and_a_changed_one(client: FlaskClient, now: Hand) -> None:
    token = sign_in(client)["access_token"]
    assert check(client, token[:-8] + "AAAAAAAA") == 401
    now.move(minutes=16)
    answer = client.get("/auth/check", headers=bearer(token))
    assert (answer.status_code, answer.get_json()["error_id"]) == (401, "token_expired")


def test_parallel_deliveries_of_one_event_are_applied_once(auth: Flask) -> None:
    service, event, results = service_of(auth), told("alice", 1, ("uhd",)), []
    barrier = threading.Barrier(8)

    def deliver() -> None:
        barrier.wait()
        results.append(service.apply_event(event))

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["applied"] + ["older"] * 7


def test_several_processes_may_start_at_once(tmp_path: Path) -> None:
    found: list[str] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        found.append(keys.ensure(tmp_path))
        Store(f"sqlite:///{tmp_path / 'auth.db'}", PEOPLE).close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == [keys.PRIVATE, keys.PUBLIC]
    assert (tmp_path / "secrets" / keys.PRIVATE).stat().st_mode & 0o077 == 0


def test_an_unknown_address_and_a_wrong_method_are_answered_in_the_same_form(client: FlaskClient) -> None:
    for answer, status in ((client.get("/auth/nowhere"), 404), (client.get("/auth/token"), 405)):
        assert answer.status_code == status
        assert set(answer.get_json()) == {"error_id", "error_desc"}
