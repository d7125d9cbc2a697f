"""Reading an access token: who is calling, or why it is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import jwt

from portal.domain.errors import TokenExpired, Unauthorized
from portal.domain.user import Person
from portal.web.keys import Keys, OneKey, PublishedKeys, load_key

if TYPE_CHECKING:
    from portal.config import Settings

LONGEST = 8 * 1024  # characters
LEEWAY = 30  # seconds two honest clocks may differ
LATEST = 2**33  # seconds since 1970: the year 2242
HEADER_TYPES = frozenset({"at+jwt", "application/at+jwt", "jwt"})
# What an access token calls itself where it says so; refresh and ID tokens are not for us.
CLAIM_TYPES = frozenset({"access", "bearer", "at+jwt", "jwt"})
TYPE_CLAIMS = ("token_type", "typ", "type", "token_use")
DEMO_KEY = "auth_public.pem"  # the demo Auth leaves it among the installation's secrets


@dataclass(frozen=True)
class ClaimNames:
    user: str = "sub"
    roles: str = "roles"
    email: str = "email"
    locale: str = "locale"
    zone: str = "zoneinfo"


class TokenReader:
    def __init__(self, keys: Keys, *, issuer: str, audience: str, claims: ClaimNames | None = None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._names = claims or ClaimNames()
        self._jws = jwt.PyJWS()

    def read(self, token: str, now: datetime) -> Person:
        """Raises TokenExpired for a token that was good once, Unauthorized for any other, KeysUnavailable.

        `now` is portal time: PyJWT would compare with the machine's own clock, so that it checks the signature only.
        """
        claims = self._verified(token)
        if claims.get("iss") != self._issuer:
            raise Unauthorized("another issuer")
        if not _names(claims.get("aud"), self._audience):
            raise Unauthorized("meant for somebody else")
        _check_type(claims)
        person = self._person(claims)
        _check_time(claims, int(now.timestamp()))
        return person

    def _verified(self, token: str) -> dict[str, Any]:
        if not token or len(token) > LONGEST or not token.isascii():
            raise Unauthorized("not a token")
        try:
            header = self._jws.get_unverified_header(token)
            _check_header(header)
            key = self._keys(header.get("kid"))
            if key is None:
                raise Unauthorized("signed with an unknown key")
            payload = self._jws.decode_complete(token, key, algorithms=["RS256"])["payload"]
            claims = json.loads(payload, object_pairs_hook=_once, parse_constant=_refuse)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthorized(f"not a token of ours: {type(error).__name__}") from error
        if not isinstance(claims, dict):
            raise Unauthorized("no claims")
        return claims

    def _person(self, claims: dict[str, Any]) -> Person:
        subject = _text(claims.get(self._names.user), 255)
        if subject is None:
            raise Unauthorized("nobody's token")
        return Person(
            id=subject,
            email=_email(claims.get(self._names.email)),
            locale=_language(claims.get(self._names.locale)),
            zone=_zone(claims.get(self._names.zone)),
            roles=_roles(claims.get(self._names.roles)),
        )


def reader_from(settings: Settings) -> TokenReader:
    """Raises ValueError, with one line that says what to set, where the configured key is none."""
    return TokenReader(
        _keys(settings),
        issuer=settings.issuer,
        audience=settings.audience,
        claims=ClaimNames(
            user=settings.auth_user_claim,
            roles=settings.auth_roles_claim,
            email=settings.auth_email_claim,
            locale=settings.auth_locale_claim,
            zone=settings.auth_zone_claim,
        ),
    )


def _keys(settings: Settings) -> Keys:
    if settings.auth_public_key:
        pem = settings.auth_public_key.replace("\\n", "\n")  # as one line of an .env file holds it
        return _configured("AUTH_PUBLIC_KEY", lambda: pem)
    if settings.auth_public_key_file:
        return _configured("AUTH_PUBLIC_KEY_FILE", Path(settings.auth_public_key_file).read_text)
    if settings.auth_jwks_url:
        return PublishedKeys(settings.auth_jwks_url)
    return OneKey.in_file(settings.data / "secrets" / DEMO_KEY)


def _configured(name: str, read: Callable[[], str]) -> OneKey:
    try:
        load_key(read())
    except (OSError, ValueError) as error:
        raise ValueError(f"set {name} to a public RSA key in PEM form ({error})") from None
    return OneKey(read)


def _check_header(header: dict[str, Any]) -> None:
    """Addresses and keys in the header (`jku`, `x5u`, `jwk`) are somebody's claim about himself: never looked at."""
    if "crit" in header:
        raise Unauthorized("asks for an extension we do not know")
    if not _is_one_of(header.get("typ"), HEADER_TYPES):
        raise Unauthorized("not an access token")
    kid = header.get("kid")
    if kid is not None and _text(kid, 255) is None:
        raise Unauthorized("not a key's id")


def _check_type(claims: dict[str, Any]) -> None:
    if any(name in claims and not _is_one_of(claims[name], CLAIM_TYPES) for name in TYPE_CLAIMS):
        raise Unauthorized("not an access token")


def _check_time(claims: dict[str, Any], now: int) -> None:
    """Last, so that only a token that is good in every other way is sent to be refreshed."""
    for name in ("nbf", "iat"):
        if name in claims and _moment(claims[name]) > now + LEEWAY:
            raise Unauthorized(f"{name} lies ahead")
    if _moment(claims.get("exp")) <= now - LEEWAY:
        raise TokenExpired("expired")


def _moment(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LATEST:
        raise Unauthorized("not a time in whole seconds")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could take two different values of a claim that is there twice."""
    claims = dict(pairs)
    if len(claims) != len(pairs):
        raise ValueError("a claim twice")
    return claims


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _is_one_of(value: object, words: frozenset[str]) -> bool:
    return isinstance(value, str) and value.lower() in words


def _names(audience: object, ours: str) -> bool:
    listed = audience if isinstance(audience, list) else [audience]
    return all(isinstance(name, str) for name in listed) and ours in listed


def _text(value: object, longest: int) -> str | None:
    """A string that a database, a log line and a payment system can take, and that looks like what it is; or None."""
    return value if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable() else None


def _email(value: object) -> str | None:
    text = _text(value, 320)
    return text if text and "@" in text else None


def _language(value: object) -> str | None:
    """`ru-RU` and `ru_RU` are `ru`."""
    tag = (_text(value, 35) or "").replace("_", "-").partition("-")[0].lower()
    return tag if tag.isascii() and tag.isalpha() and len(tag) <= 8 else None


def _zone(value: object) -> str | None:
    name = _text(value, 64)
    try:
        return ZoneInfo(name).key if name else None
    except (ValueError, OSError, LookupError):
        return None


def _roles(value: object) -> frozenset[str]:
    """A list of words, or one string with spaces between them. Anything else gives no power at all."""
    words = value.split() if isinstance(value, str) else value
    return frozenset(word for word in words if isinstance(word, str)) if isinstance(words, list) else frozenset()
