"""The portal at an Auth that is none of ours: keys over HTTP, other names for its claims, and days when it is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from werkzeug.test import TestResponse

from portal.web.auth import READER
from portal.web.keys import PublishedKeys
from portal.web.tokens import TokenReader
from tests.web.api.refusals import Untouched, wrong_in
from tests.web.test_tokens import AT, AUDIENCE, HOSTILE, ISSUER, KID, jwk, key, sockets_banned, token
from tests.world import Caller, World

NAMES = {"auth_user_claim": "user_id", "auth_roles_claim": "permissions"}


class Elsewhere:
    """An Auth that publishes its keys and signs tokens with any of them."""

    def __init__(self) -> None:
        self.published: tuple[str, ...] = (KID,)
        self.status = 200
        self.asked = 0
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def token(self, world: World, kid: str = KID, **claims: Any) -> str:
        now = int(world.clock.now().timestamp())
        whole = {"iss": ISSUER, "aud": [AUDIENCE, "cinema"], "iat": now, "exp": now + 900, **claims}
        return jwt.encode(whole, signing_key(kid), algorithm="RS256", headers={"typ": "JWT", "kid": kid})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        auth = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                auth.asked += 1
                body = json.dumps({"keys": [{**jwk(signing_key(kid)), "kid": kid} for kid in auth.published]}).encode()
                self.send_response(auth.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


def signing_key(kid: str) -> Any:
    return key() if kid == KID else key(kid)


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def auth() -> Iterator[Elsewhere]:
    auth = Elsewhere()
    yield auth
    auth.close()


@pytest.fixture
def portal(make_world: Callable[..., World], auth: Elsewhere) -> Callable[..., World]:
    def make(**settings: object) -> World:
        given = {"auth_jwks_url": auth.url, "auth_issuer": ISSUER, "auth_audience": AUDIENCE, **settings}
        world = make_world(**given)
        world.clock.at = AT
        world.seed()
        return world

    return make


class Hand:
    """Seconds that pass for the keys alone, since tokens age by the portal's clock."""

    def __init__(self, world: World, auth: Elsewhere) -> None:
        self.seconds = 0.0
        self._world = world
        keys = PublishedKeys(auth.url, monotonic=lambda: self.seconds)
        world.app.extensions[READER] = TokenReader(keys, issuer=ISSUER, audience=AUDIENCE)

    def asks(self, made: str) -> TestResponse:
        return asks(self._world, made)


def asks(world: World, made: str) -> TestResponse:
    return Caller(world.app.test_client(), made).get("/subscriptions")


def test_an_auth_that_says_user_id_and_permissions_is_understood(portal: Callable[..., World], auth: Elsewhere) -> None:
    world = portal(**NAMES)
    client = world.app.test_client()
    olga = Caller(client, auth.token(world, user_id="7f1c", permissions="watch", email="olga@example.com"))
    order = world.buy(olga)
    assert world.one("SELECT user_id FROM invoices") == {"user_id": "7f1c"}
    assert olga.get(f"/invoices/{order['invoice_guid']}").status_code == 200
    assert olga.get("/purchases?user_guid=somebody").status_code == 403
    viewer = Caller(client, auth.token(world, user_id="9a", permissions=["watch", "billing:viewer"]))
    assert viewer.get("/purchases?user_guid=7f1c").json[0]["invoice_guid"] == order["invoice_guid"]


def test_claims_under_their_usual_names_mean_nothing_to_an_auth_with_other_names(
    portal: Callable[..., World], auth: Elsewhere
) -> None:
    world = portal(**NAMES)
    assert wrong_in(asks(world, auth.token(world, sub="olga")), 401, "unauthorized") is None
    nobody = Caller(world.app.test_client(), auth.token(world, sub="admin", user_id="7f1c", roles=["billing:admin"]))
    assert nobody.get("/purchases?user_guid=admin").status_code == 403


@pytest.mark.fault("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T12")
def test_no_hostile_token_passes_the_api_s_door_or_opens_a_connection(
    portal: Callable[..., World], auth: Elsewhere
) -> None:
    world = portal()
    assert asks(world, token()).status_code == 200
    sent = {name: made for name, make in HOSTILE.items() if (made := make()).isascii() and made.isprintable()}
    assert len(sent) >= 60
    with Untouched(world), sockets_banned():
        said = {name: wrong_in(asks(world, made), 401, "unauthorized") for name, made in sent.items()}
    assert {name: wrong for name, wrong in said.items() if wrong} == {}
    assert auth.asked == 1


@pytest.mark.fault("T9")
def test_keys_rotate_over_http_without_an_outage(portal: Callable[..., World], auth: Elsewhere) -> None:
    world = portal()
    hand = Hand(world, auth)
    old, new = auth.token(world, sub="olga"), auth.token(world, "key-2", sub="olga")
    assert hand.asks(old).status_code == 200
    auth.published = (KID, "key-2")
    assert wrong_in(hand.asks(new), 401, "unauthorized") is None, "within a minute of the last look"
    hand.seconds += 60
    assert [hand.asks(made).status_code for made in (new, old)] == [200, 200]
    auth.published = ("key-2",)
    hand.seconds += 601
    assert [hand.asks(made).status_code for made in (new, old)] == [200, 401]


@pytest.mark.fault("T10")
def test_while_auth_is_down_known_keys_serve_for_a_day_and_then_nobody_is_let_in(
    portal: Callable[..., World], auth: Elsewhere
) -> None:
    world = portal()
    hand = Hand(world, auth)
    good, bad = auth.token(world, sub="olga"), auth.token(world, "made up", sub="olga")
    assert hand.asks(good).status_code == 200
    auth.status = 500
    hand.seconds += 86_400
    assert [hand.asks(made).status_code for made in (good, bad)] == [200, 401]
    hand.seconds += 60
    for made in (good, bad):
        answer = hand.asks(made)
        assert wrong_in(answer, 503, "unavailable") is None
        assert int(answer.headers["Retry-After"]) > 0
    auth.status = 200
    hand.seconds += 60
    assert [hand.asks(made).status_code for made in (good, bad)] == [200, 401]


@pytest.mark.fault("T10")
def test_an_auth_that_was_never_heard_opens_nothing_and_pages_for_all_stay(
    portal: Callable[..., World], auth: Elsewhere
) -> None:
    world = portal()
    auth.status = 503
    browser = world.app.test_client()
    browser.set_cookie(world.settings.auth_cookie, auth.token(world, sub="olga"))
    assert wrong_in(asks(world, auth.token(world, sub="olga")), 503, "unavailable") is None
    assert browser.get("/cabinet").status_code == 503
    assert browser.get("/").status_code == 200
