"""Which tokens are believed. Every hostile one is refused, and none makes us call anybody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from portal.config import Settings
from portal.demo.auth import keys as demo_keys
from portal.demo.auth.issuing import Issuer
from portal.demo.auth.store import Account
from portal.domain.errors import TokenExpired, Unauthorized
from portal.domain.user import Person
from portal.web.keys import KeysUnavailable, OneKey, PublishedKeys
from portal.web.tokens import LONGEST, ClaimNames, TokenReader, reader_from

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NOW = int(AT.timestamp())
ISSUER = "https://auth.example"
AUDIENCE = "matinee"
KID = "key-1"
GOOD = {
    "sub": "alice",
    "iss": ISSUER,
    "aud": AUDIENCE,
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 900,
    "token_type": "access",
}


@cache
def key(name: str = "ours") -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(of: RSAPrivateKey, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return of.public_key().public_bytes(Encoding.PEM, form)


def known(kid: str | None) -> RSAPublicKey | None:
    return key().public_key() if kid == KID else None


READER = TokenReader(known, issuer=ISSUER, audience=AUDIENCE)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, payload: object, sign: Callable[[bytes], bytes] | None = None) -> str:
    """A token put together by hand, since a decent library refuses to make most of these."""
    data = f"{encoded(header)}.{encoded(payload)}".encode()
    signature = (sign or ours)(data)
    return f"{data.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def ours(data: bytes) -> bytes:
    return RSAAlgorithm(RSAAlgorithm.SHA256).sign(data, key())


HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": KID}


def token(header: dict[str, Any] | None = None, without: str = "", **claims: Any) -> str:
    """Well signed by us, with other claims or another header than a good one."""
    chosen = {name: value for name, value in {**GOOD, **claims}.items() if name != without}
    return signed({**HEADER, **(header or {})}, chosen)


def hmac_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def by(algorithm: str, private: Any) -> str:
    return jwt.encode(GOOD, private, algorithm=algorithm, headers={"typ": "at+jwt", "kid": KID})


def jwk(of: RSAPrivateKey) -> dict[str, Any]:
    return dict(RSAAlgorithm.to_jwk(of.public_key(), as_dict=True))


HOSTILE: dict[str, Callable[[], str]] = {
    # T1: no signature at all
    "alg none": lambda: signed({**HEADER, "alg": "none"}, GOOD, lambda _: b""),
    "alg None": lambda: signed({**HEADER, "alg": "None"}, GOOD, lambda _: b""),
    "alg nOnE": lambda: signed({**HEADER, "alg": "nOnE"}, GOOD, lambda _: b""),
    "alg none, signed": lambda: signed({**HEADER, "alg": "none"}, GOOD),
    "alg empty": lambda: signed({**HEADER, "alg": ""}, GOOD),
    "alg null": lambda: signed({**HEADER, "alg": None}, GOOD),
    "alg a list": lambda: signed({**HEADER, "alg": ["RS256"]}, GOOD),
    "alg missing": lambda: signed({"typ": "at+jwt", "kid": KID}, GOOD),
    "alg rs256": lambda: signed({**HEADER, "alg": "rs256"}, GOOD),
    "signature cut off": lambda: token().rpartition(".")[0] + ".",
    # T2: the public key as a shared secret
    "HS256 with the PEM": lambda: signed({**HEADER, "alg": "HS256"}, GOOD, hmac_with(public_pem(key()))),
    "HS256 with the PKCS1 PEM": lambda: signed(
        {**HEADER, "alg": "HS256"}, GOOD, hmac_with(public_pem(key(), PublicFormat.PKCS1))
    ),
    "HS256 with the JWK": lambda: signed({**HEADER, "alg": "HS256"}, GOOD, hmac_with(json.dumps(jwk(key())).encode())),
    "HS256 with nothing": lambda: signed({**HEADER, "alg": "HS256"}, GOOD, hmac_with(b"")),
    # T3: good signatures of other kinds
    "RS384": lambda: by("RS384", key()),
    "RS512": lambda: by("RS512", key()),
    "PS256": lambda: by("PS256", key()),
    "ES256": lambda: by("ES256", ec.generate_private_key(ec.SECP256R1())),
    # T4: headers that name keys or extensions
    "another key in jwk": lambda: signed(
        {**HEADER, "jwk": jwk(key("theirs"))},
        GOOD,
        lambda data: RSAAlgorithm(RSAAlgorithm.SHA256).sign(data, key("theirs")),
    ),
    "jku with an unknown kid": lambda: token({"kid": "theirs", "jku": "https://evil.example/jwks.json"}),
    "x5u with an unknown kid": lambda: token({"kid": "theirs", "x5u": "https://evil.example/cert.pem"}),
    "crit": lambda: token({"crit": ["exp"]}),
    "crit unknown": lambda: token({"crit": ["x"], "x": 1}),
    "crit empty": lambda: token({"crit": []}),
    "b64 false": lambda: token({"b64": False, "crit": ["b64"]}),
    # T5: key ids
    "kid unknown": lambda: token({"kid": "key-2"}),
    "kid missing": lambda: signed({"alg": "RS256", "typ": "at+jwt"}, GOOD),
    "kid a path": lambda: token({"kid": "../../../../dev/null"}),
    "kid SQL": lambda: token({"kid": "x' UNION SELECT 'key' --"}),
    "kid a number": lambda: token({"kid": 1}),
    "kid a list": lambda: token({"kid": [KID]}),
    "kid long": lambda: token({"kid": "k" * 5000}),
    "kid with NUL": lambda: token({"kid": f"{KID}\0"}),
    # signed by somebody else, or changed afterwards
    "another key": lambda: jwt.encode(GOOD, key("theirs"), algorithm="RS256", headers={"typ": "at+jwt", "kid": KID}),
    "changed payload": lambda: ".".join(
        [token().split(".")[0], encoded({**GOOD, "sub": "admin"}), token().split(".")[2]]
    ),
    "changed header": lambda: ".".join([encoded({**HEADER, "x": 1}), *token().split(".")[1:]]),
    # T6: time
    "nbf ahead": lambda: token(nbf=NOW + 31),
    "nbf a string": lambda: token(nbf=str(NOW)),
    "iat ahead": lambda: token(iat=NOW + 31),
    "iat null": lambda: token(iat=None),
    "exp missing": lambda: token(without="exp"),
    "exp null": lambda: token(exp=None),
    "exp a string": lambda: token(exp=str(NOW + 900)),
    "exp a float": lambda: token(exp=NOW + 900.5),
    "exp true": lambda: token(exp=True),
    "exp negative": lambda: token(exp=-1),
    "exp huge": lambda: token(exp=10**18),
    "exp of many digits": lambda: signed(HEADER, json.dumps(GOOD).replace(str(NOW + 900), "9" * 5000).encode()),
    "exp infinite": lambda: signed(HEADER, json.dumps({**GOOD, "exp": float("inf")}).encode()),
    "exp not a number": lambda: signed(HEADER, json.dumps({**GOOD, "exp": float("nan")}).encode()),
    "exp a list": lambda: token(exp=[NOW + 900]),
    # T7: issuer and audience
    "iss missing": lambda: token(without="iss"),
    "iss another": lambda: token(iss="https://evil.example"),
    "iss nearly": lambda: token(iss=f"{ISSUER}/"),
    "iss a list": lambda: token(iss=[ISSUER]),
    "aud missing": lambda: token(without="aud"),
    "aud another": lambda: token(aud="shop"),
    "aud others": lambda: token(aud=["shop", "forum"]),
    "aud empty": lambda: token(aud=[]),
    "aud a part of ours": lambda: token(aud="mat"),
    "aud an object": lambda: token(aud={AUDIENCE: True}),
    "aud with a number": lambda: token(aud=[AUDIENCE, 1]),
    # T8: tokens of other kinds
    "token_type refresh": lambda: token(token_type="refresh"),
    "token_type id": lambda: token(token_type="id"),
    "token_type null": lambda: token(token_type=None),
    "claim typ Refresh": lambda: token(typ="Refresh"),
    "claim typ ID": lambda: token(typ="ID"),
    "claim type refresh": lambda: token(type="refresh"),
    "token_use id": lambda: token(token_use="id"),
    "header typ refresh": lambda: token({"typ": "rt+jwt"}),
    "header typ id_token": lambda: token({"typ": "id_token"}),
    "header typ missing": lambda: signed({"alg": "RS256", "kid": KID}, GOOD),
    "header typ a number": lambda: token({"typ": 1}),
    # T12: subjects
    "sub missing": lambda: token(without="sub"),
    "sub empty": lambda: token(sub=""),
    "sub null": lambda: token(sub=None),
    "sub a number": lambda: token(sub=1),
    "sub a list": lambda: token(sub=["alice"]),
    "sub long": lambda: token(sub="a" * 256),
    "sub with NUL": lambda: token(sub="alice\0"),
    "sub with a line feed": lambda: token(sub="alice\nadmin"),
    "sub with a mark that turns writing round": lambda: token(sub="\u202ealice"),
    "sub half a surrogate pair": lambda: token(sub="\ud800"),
    # not tokens
    "nothing": lambda: "",
    "a word": lambda: "token",
    "two parts": lambda: ".".join(token().split(".")[:2]),
    "four parts": lambda: token() + ".x",
    "five parts, as encrypted ones have": lambda: token() + ".x.y",
    "dots": lambda: "..",
    "not base64": lambda: "!!!.???.###",
    "a space": lambda: token().replace(".", ". ", 1),
    "a line feed": lambda: token() + "\n",
    "Cyrillic": lambda: token() + "я",
    "half a surrogate pair": lambda: token() + "\ud800",
    "too long": lambda: token(more="x" * LONGEST),
    "header a list": lambda: signed([HEADER], GOOD),
    "header not JSON": lambda: signed(b"{", GOOD),
    "header deep": lambda: signed(b"[" * 5000, GOOD),
    "payload a list": lambda: signed(HEADER, [GOOD]),
    "payload a string": lambda: signed(HEADER, "alice"),
    "payload not JSON": lambda: signed(HEADER, b"alice"),
    "payload not UTF-8": lambda: signed(HEADER, b'{"sub": "\xff"}'),
    "payload deep": lambda: signed(HEADER, b"[" * 5000),
    "a claim twice": lambda: signed(HEADER, json.dumps(GOOD)[:-1].encode() + b', "sub": "admin"}'),
}


@contextmanager
def sockets_banned() -> Iterator[None]:
    def banned(*_: object, **__: object) -> None:
        raise AssertionError("a token made us call somebody")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, banned)
        patch.setattr(socket, "getaddrinfo", banned)
        yield


@pytest.fixture
def no_sockets() -> Iterator[None]:
    with sockets_banned():
        yield


@pytest.mark.fault("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T12")
@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_token_is_refused_and_nobody_is_called(hostile: Callable[[], str]) -> None:
    with pytest.raises(Unauthorized) as refused:
        READER.read(hostile(), AT)
    assert not isinstance(refused.value, TokenExpired)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": ["shop", AUDIENCE]},
        {"nbf": NOW + 30, "iat": NOW + 30},
        {"exp": NOW - 29},
        {"token_type": "access", "typ": "Bearer"},
    ],
)
def test_a_good_token_names_its_owner(claims: dict[str, Any]) -> None:
    assert READER.read(token(**claims), AT) == Person("alice")


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "JWT"])
def test_access_tokens_go_by_three_header_types(typ: str) -> None:
    assert READER.read(token({"typ": typ}), AT).id == "alice"


@pytest.mark.fault("T4")
def test_addresses_in_the_header_of_a_good_token_are_ignored(no_sockets: None) -> None:
    header = {"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "jwk": jwk(key("theirs"))}
    assert READER.read(token(header), AT).id == "alice"


@pytest.mark.parametrize("seconds", [30, 31, 10**6])
def test_an_expired_token_is_told_apart_from_a_bad_one(seconds: int) -> None:
    with pytest.raises(TokenExpired):
        READER.read(token(exp=NOW - seconds), AT)


def test_an_expired_token_that_is_bad_in_another_way_is_only_bad() -> None:
    for bad in ({"iss": "https://evil.example"}, {"sub": ""}, {"token_type": "refresh"}, {"nbf": NOW + 60}):
        with pytest.raises(Unauthorized) as refused:
            READER.read(token(exp=NOW - 900, **bad), AT)
        assert not isinstance(refused.value, TokenExpired)


def test_time_is_the_portal_s_not_the_machine_s() -> None:
    later = AT + timedelta(days=365)
    with pytest.raises(TokenExpired):
        READER.read(token(), later)
    claims = {"iat": NOW + 365 * 86400, "nbf": NOW + 365 * 86400, "exp": NOW + 365 * 86400 + 900}
    assert READER.read(token(**claims), later).id == "alice"


def test_what_a_token_says_about_its_owner() -> None:
    claims = {"email": "alice@example.com", "locale": "ru-RU", "zoneinfo": "Asia/Tokyo", "roles": ["billing:admin"]}
    person = Person("alice", "alice@example.com", "ru", "Asia/Tokyo", frozenset({"billing:admin"}))
    assert READER.read(token(**claims), AT) == person
    assert READER.read(token(**{**claims, "roles": "billing:admin"}), AT) == person


@pytest.mark.parametrize(
    "claims",
    [
        {"email": 1, "locale": 1, "zoneinfo": 1, "roles": 1},
        {"email": "alice", "locale": "", "zoneinfo": "Mars/Base", "roles": {"billing:admin": True}},
        {"email": "a\0@b", "locale": "../..", "zoneinfo": "../../etc/passwd", "roles": None},
        {"email": "@" * 400, "locale": "x" * 99, "zoneinfo": "Europe", "roles": [["billing:admin"], 1]},
    ],
)
def test_what_cannot_be_read_about_the_owner_is_left_out(claims: dict[str, Any]) -> None:
    assert READER.read(token(**claims), AT) == Person("alice")


def test_claims_may_have_other_names() -> None:
    names = ClaimNames(user="uid", roles="https://auth.example/roles")
    reader = TokenReader(known, issuer=ISSUER, audience=AUDIENCE, claims=names)
    person = reader.read(token(uid="7f1c", **{"https://auth.example/roles": ["billing:viewer"]}), AT)
    assert person == Person("7f1c", roles=frozenset({"billing:viewer"}))
    with pytest.raises(Unauthorized):
        reader.read(token(), AT)


# Where the keys come from


def settings(data: Path, **given: object) -> Settings:
    values = {"app_env": "test", "data_dir": data, "auth_issuer": ISSUER, "auth_audience": AUDIENCE, **given}
    return Settings.model_validate(values)


def test_a_configured_key_is_used_whatever_id_the_token_gives_it(tmp_path: Path) -> None:
    pem = public_pem(key()).decode()
    (tmp_path / "auth.pem").write_text(pem)
    for given in (
        {"auth_public_key": pem},
        {"auth_public_key": pem.replace("\n", "\\n")},
        {"auth_public_key_file": str(tmp_path / "auth.pem")},
    ):
        reader = reader_from(settings(tmp_path, **given))
        assert reader.read(token({"kid": "whatever"}), AT).id == "alice"
        assert reader.read(signed({"alg": "RS256", "typ": "JWT"}, GOOD), AT).id == "alice"


@pytest.mark.parametrize("given", [{"auth_public_key": "nonsense"}, {"auth_public_key_file": "/nowhere/auth.pem"}])
def test_a_configured_key_that_is_none_says_what_to_set(tmp_path: Path, given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="set AUTH_PUBLIC_KEY"):
        reader_from(settings(tmp_path, **given))


def test_a_small_key_is_not_taken(tmp_path: Path) -> None:
    small = generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - made to be refused
    with pytest.raises(ValueError, match="2048 bits"):
        reader_from(settings(tmp_path, auth_public_key=public_pem(small).decode()))


def test_the_demo_s_key_may_be_made_after_the_start(tmp_path: Path) -> None:
    account = Account("alice", "Alice", None, "ru", None, [], 0, 0, [])
    reader = reader_from(settings(tmp_path))
    with pytest.raises(KeysUnavailable):
        reader.read(token(), AT)
    issuer = Issuer(demo_keys.ensure(tmp_path), ISSUER, AUDIENCE)
    assert reader.read(issuer.access_token(account, AT), AT) == Person("alice", locale="ru")
    assert Issuer(demo_keys.ensure(tmp_path), ISSUER, AUDIENCE).public_pem == issuer.public_pem


class Published:
    """A JWKS address with a hand on its answer and on the time."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] = kids
        self.down = False
        self.asked = 0
        self.seconds = 0.0
        self.keys = PublishedKeys("https://auth.example/jwks.json", self.fetch, lambda: self.seconds)
        self.reader = TokenReader(self.keys, issuer=ISSUER, audience=AUDIENCE)

    def fetch(self, url: str) -> bytes:
        self.asked += 1
        if self.down:
            raise ValueError("it answers nonsense")
        listed = [{**jwk(key(kid)), "kid": kid, "use": "sig", "alg": "RS256"} for kid in self.kids]
        return json.dumps({"keys": [*listed, "nonsense", {"kty": "EC"}, {"kty": "RSA", "kid": "x", "n": 1}]}).encode()

    def accepts(self, kid: str) -> bool:
        made = jwt.encode(GOOD, key(kid), algorithm="RS256", headers={"typ": "at+jwt", "kid": kid})
        try:
            return self.reader.read(made, AT).id == "alice"
        except Unauthorized:
            return False


@pytest.mark.fault("T9")
def test_keys_rotate_without_an_outage_and_old_ones_go() -> None:
    auth = Published("old")
    assert auth.asked == 0, "the first token asks, not the start"
    assert auth.accepts("old")
    auth.kids = ("old", "new")
    auth.seconds += 60
    assert auth.accepts("new")
    assert auth.accepts("old")
    auth.kids = ("new",)
    auth.seconds += 601
    assert not auth.accepts("old")
    assert auth.accepts("new")


@pytest.mark.fault("T5")
def test_unknown_key_ids_make_us_ask_once_a_minute_at_most() -> None:
    auth = Published("old")
    for n in range(50):
        assert not auth.accepts(f"made-up-{n % 3}")
    assert auth.asked == 1
    auth.seconds += 60
    assert not auth.accepts("made-up-0")
    assert not auth.accepts("made-up-1")
    assert auth.asked == 2


@pytest.mark.fault("T10")
def test_known_keys_serve_on_while_auth_is_down() -> None:
    auth = Published("old")
    assert auth.accepts("old")
    auth.down = True
    for _ in range(5):
        auth.seconds += 601
        assert auth.accepts("old")
    assert auth.asked == 6


@pytest.mark.fault("T10")
def test_without_a_key_that_serves_we_say_so_and_ask_every_few_seconds() -> None:
    cold = Published("old")
    cold.down = True
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            cold.accepts("old")
    assert cold.asked == 1
    cold.down, cold.seconds = False, 5.0
    assert cold.accepts("old")


@pytest.mark.fault("T10")
def test_keys_that_were_not_confirmed_for_a_day_serve_nobody_until_auth_is_back() -> None:
    auth = Published("old")
    assert auth.accepts("old")
    auth.down = True
    auth.seconds += 86_400
    assert auth.accepts("old")
    asked = auth.asked
    for _ in range(6):
        auth.seconds += 10
        with pytest.raises(KeysUnavailable):
            auth.accepts("old")
    assert auth.asked == asked + 1
    auth.down = False
    auth.seconds += 60
    assert auth.accepts("old")


def test_a_key_in_a_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "auth.pem"
    path.write_bytes(public_pem(key()))
    read = OneKey.in_file(path)
    assert read("any") is read(None)
