"""Access tokens and the public half of what they are signed with."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from portal import entitlements
from portal.demo.auth.store import Account

LIVES_FOR = timedelta(minutes=15)


@cache  # checking an RSA key takes longer than starting everything else here
def _loaded(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("RS256 needs an RSA key")
    return key


class Issuer:
    def __init__(self, private_key_pem: str, issuer: str, audience: str) -> None:
        key = _loaded(private_key_pem)
        self._private, self._public = key, key.public_key()
        self._issuer, self._audience = issuer, audience
        self._jwk = RSAAlgorithm.to_jwk(self._public, as_dict=True)
        self._kid = _thumbprint(self._jwk)

    @property
    def public_pem(self) -> str:
        return self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def jwks(self) -> dict[str, Any]:
        public = {name: self._jwk[name] for name in ("kty", "n", "e")}
        return {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": "RS256"}]}

    def access_token(self, account: Account, now: datetime) -> str:
        """What the owner may use and until when stands in the token, so that others need not ask."""
        issued = int(now.timestamp())
        claims = {
            "sub": account.id,
            "iss": self._issuer,
            "aud": self._audience,
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(LIVES_FOR.total_seconds()),
            "jti": str(uuid.uuid4()),
            "token_type": "access",
            "roles": account.roles,
            "subscriptions": [entry for entry in account.entitlements if _is_ahead(entry, now)],
            "entitlements_version": account.version,
        }
        known = {"email": account.email, "locale": account.locale, "zoneinfo": account.zone}
        claims |= {name: value for name, value in known.items() if value is not None}
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"typ": "at+jwt", "kid": self._kid})

    def read(self, token: str, now: datetime) -> dict[str, Any]:
        """Raises portal.entitlements.BadToken."""
        return entitlements.read_claims(token, at=now, key=self._public, issuer=self._issuer, audience=self._audience)


def _is_ahead(entry: dict[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(entry["until"]) > now


def _thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638: the same key has the same id in every process."""
    required = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(required.encode()).digest()).rstrip(b"=").decode()
