"""The API believes a bearer token of ours that is good now, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portal.demo.auth.keys import PRIVATE, PUBLIC
from tests.web.api.refusals import Untouched, wrong_in
from tests.world import World

ORDER = {"product_id": "standard", "product_count": 1}
CALLS = (("GET", "/purchases"), ("GET", "/subscriptions"), ("POST", "/purchases"))


@pytest.fixture
def claims(world: World) -> dict[str, Any]:
    """Those of a good token of Alice."""
    return dict(jwt.decode(world.sign_in("alice").token, options={"verify_signature": False}))


def signed(world: World, claims: dict[str, Any], **headers: Any) -> str:
    key = load_pem_private_key((world.settings.data / "secrets" / PRIVATE).read_bytes(), password=None)
    return jwt.encode(claims, key, algorithm="RS256", headers={"typ": "at+jwt", **headers})  # type: ignore[arg-type]  # an RSA key


def part(of: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(of).encode()).rstrip(b"=").decode()


def hostile(world: World, claims: dict[str, Any]) -> Iterator[tuple[str, str]]:
    good = signed(world, claims)
    head, payload, signature = good.split(".")
    yield "nothing", ""
    yield "one word", "alice"
    yield "three empty parts", ".."
    yield "9 KB", f"{head}.{payload}.{'A' * 9000}"
    yield "cut", good[:-10]
    yield "not signed", f"{head}.{payload}."
    yield "somebody else's claims", f"{head}.{part(claims | {'sub': 'boris'})}.{signature}"
    for alg in ("none", "None", "NONE"):
        yield f"alg {alg}", f"{part({'alg': alg, 'typ': 'at+jwt'})}.{payload}."
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    yield "another key", jwt.encode(claims, stranger, algorithm="RS256", headers={"typ": "at+jwt"})
    public = (world.settings.data / "secrets" / PUBLIC).read_bytes()
    hs256 = f"{part({'alg': 'HS256', 'typ': 'at+jwt'})}.{payload}"
    yield "our public key as a secret", f"{hs256}.{_hmac(public, hs256)}"
    for name in ("sub", "exp", "iss", "aud"):
        yield f"no {name}", signed(world, {key: value for key, value in claims.items() if key != name})
    for sub in (None, 7, "", ["alice"], "x" * 256, "a\x00", "\ud800"):
        yield f"sub {sub!r:.20}", signed(world, claims | {"sub": sub})
    for exp in ("soon", 1e308, 2**60, -1, True, None):
        yield f"exp {exp!r}", signed_raw(world, claims | {"exp": exp})
    yield "another audience", signed(world, claims | {"aud": "somebody"})
    yield "another issuer", signed(world, claims | {"iss": "https://evil.example"})
    yield "from the future", signed(world, claims | {"nbf": claims["iat"] + 3600})
    yield "a refresh token", signed(world, claims | {"token_type": "refresh"})
    yield "an ID token", signed(world, claims, typ="id+jwt")


def signed_raw(world: World, claims: dict[str, Any]) -> str:
    """PyJWT would not sign these times, so the bytes are signed as they are."""
    key = load_pem_private_key((world.settings.data / "secrets" / PRIVATE).read_bytes(), password=None)
    payload = json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm="RS256", headers={"typ": "at+jwt"})  # type: ignore[arg-type]  # as above


def _hmac(key: bytes, message: str) -> str:
    digest = hmac.new(key, message.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def call(world: World, method: str, path: str, authorization: str | None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    body = {"json": ORDER} if method == "POST" else {}
    return world.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **body)  # type: ignore[arg-type]  # keywords of a request


@pytest.mark.fault("T6", "T12", "T1", "T2", "T7", "T8")
def test_a_token_that_is_not_a_good_one_of_ours_is_401_and_nothing_is_written(
    world: World, claims: dict[str, Any]
) -> None:
    with Untouched(world):
        wrong = {
            name: said
            for name, token in hostile(world, claims)
            if (said := wrong_in(call(world, "POST", "/purchases", f"Bearer {token}"), 401, "unauthorized"))
        }
        assert wrong == {}


@pytest.mark.fault("T6")
def test_an_expired_token_says_so_and_may_be_half_a_minute_late(world: World, claims: dict[str, Any]) -> None:
    token = f"Bearer {signed(world, claims)}"
    world.clock.at += timedelta(minutes=15, seconds=29)
    assert call(world, "GET", "/subscriptions", token).status_code == 200
    world.clock.at += timedelta(seconds=1)
    assert wrong_in(call(world, "GET", "/subscriptions", token), 401, "token_expired") is None


@pytest.mark.fault("T11")
def test_a_withdrawn_token_is_refused_by_auth_at_once_and_by_the_portal_when_its_minutes_are_over(world: World) -> None:
    old = world.sign_in("alice").token
    world.bought("alice")
    assert world.app.test_client().get("/auth/check", headers={"Authorization": f"Bearer {old}"}).status_code == 401
    assert call(world, "GET", "/subscriptions", f"Bearer {old}").status_code == 200
    world.clock.at += timedelta(minutes=15, seconds=30)
    assert wrong_in(call(world, "GET", "/subscriptions", f"Bearer {old}"), 401, "token_expired") is None


@pytest.mark.fault("T12")
@pytest.mark.parametrize("sub", ["алиса", "' OR 1=1 --", "{{ 7 * 7 }}", "../admin", "a" * 255, "🎬"])
def test_whatever_text_a_subject_is_it_is_nobody_else(world: World, claims: dict[str, Any], sub: str) -> None:
    world.bought("alice")
    token = signed(world, claims | {"sub": sub})
    assert call(world, "GET", "/purchases", f"Bearer {token}").json == []
    assert call(world, "POST", "/purchases", f"Bearer {token}").status_code == 200
    assert world.rows("SELECT id FROM users WHERE id = :sub", sub=sub) == [{"id": sub}]


def test_only_the_authorization_header_counts(world: World, claims: dict[str, Any]) -> None:
    token = signed(world, claims)
    with Untouched(world):
        for authorization in (None, "", "Bearer", f"Basic {token}", token, f"Token {token}"):
            for method, path in CALLS:
                answer = call(world, method, path, authorization)
                assert wrong_in(answer, 401, "unauthorized") is None, (authorization, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_cookie_is_no_bearer_token(world: World) -> None:
    browser = world.browser("alice")
    with Untouched(world):
        assert wrong_in(browser.post("/api/v1/purchases", json=ORDER), 401, "unauthorized") is None
        assert wrong_in(browser.get("/api/v1/purchases"), 401, "unauthorized") is None


def test_a_bad_token_is_told_before_a_bad_body(world: World) -> None:
    answer = world.app.test_client().post("/api/v1/purchases", data=b"{", content_type="text/plain")
    assert wrong_in(answer, 401, "unauthorized") is None
