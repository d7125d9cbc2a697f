"""What a service needs to know whether a caller may use a feature: PyJWT, Auth's public key, and nothing of ours.

Copy this file. An access token carries what its owner may use and until when, so that no question to anybody is
needed, and a subscription that runs out needs no message: the token says so by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import jwt

LEEWAY = timedelta(seconds=30)  # two honest clocks may differ by this much
LONGEST = 8 * 1024  # characters
HEADER_TYPES = ("at+jwt", "application/at+jwt", "jwt")
# What an access token calls itself, where it says so; refresh and ID tokens open nothing.
CLAIM_TYPES = ("access", "bearer", "at+jwt", "jwt")
TYPE_CLAIMS = ("token_type", "typ", "type", "token_use")


class BadToken(Exception):
    """`expired`: it was good once, and Auth's refresh gives a new one. Otherwise nobody should believe it."""

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired


def has_feature(
    token: str, feature: str, *, at: datetime, key: Any, issuer: str, audience: str, user_claim: str = "sub"
) -> bool:
    """Whether any plan gives the feature at that moment (aware). Raises BadToken."""
    claims = read_claims(token, at=at, key=key, issuer=issuer, audience=audience, user_claim=user_claim)
    return allows(claims, feature, at)


def allows(claims: dict[str, Any], feature: str, at: datetime) -> bool:
    return any(feature in _features(plan) and _is_ahead(plan.get("until"), at) for plan in _plans(claims))


def read_claims(
    token: str, *, at: datetime, key: Any, issuer: str, audience: str, user_claim: str = "sub"
) -> dict[str, Any]:
    """The claims of a good access token. `key`: a public RSA key, as PEM or as an object. Raises BadToken."""
    if len(token) > LONGEST or not token.isascii():
        raise BadToken("not a token")
    try:
        whole = jwt.decode_complete(
            token,
            key,
            algorithms=["RS256"],
            issuer=issuer,
            audience=audience,
            options={
                "require": ["exp", "iss", "aud", user_claim],
                # Time is checked below against `at`, which need not be the machine's clock.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise BadToken(str(error)) from error
    claims: dict[str, Any] = whole["payload"]
    if not _is_access(whole["header"], claims):
        raise BadToken("not an access token")
    if not isinstance(claims[user_claim], str) or not claims[user_claim]:
        raise BadToken("nobody's token")
    _check_time(claims, at)
    return claims


def _is_access(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    said = [claims[name] for name in TYPE_CLAIMS if name in claims]
    named = _is_one_of(header.get("typ"), HEADER_TYPES) and all(_is_one_of(word, CLAIM_TYPES) for word in said)
    return named and "crit" not in header


def _is_one_of(value: object, words: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value.lower() in words


def _check_time(claims: dict[str, Any], at: datetime) -> None:
    for name in ("nbf", "iat"):
        if name in claims and _seconds(claims[name]) > (at + LEEWAY).timestamp():
            raise BadToken(f"{name} lies ahead")
    if _seconds(claims["exp"]) <= (at - LEEWAY).timestamp():
        raise BadToken("expired", expired=True)


def _seconds(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 2**33:
        raise BadToken("not a time in whole seconds")
    return value


def _plans(claims: dict[str, Any]) -> list[dict[str, Any]]:
    plans = claims.get("subscriptions")
    return [plan for plan in plans if isinstance(plan, dict)] if isinstance(plans, list) else []


def _features(plan: dict[str, Any]) -> list[Any]:
    features = plan.get("features")
    return features if isinstance(features, list) else []


def _is_ahead(until: object, at: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(until) if isinstance(until, str) else None
    except ValueError:
        return False
    return moment is not None and moment.tzinfo is not None and moment > at
