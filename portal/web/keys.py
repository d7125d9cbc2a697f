"""The public keys that access tokens are checked with: configured ones, or those that Auth publishes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import RSAAlgorithm

from portal.domain.errors import ProviderUnavailable

SMALLEST_KEY = 2048  # bits
FRESH_FOR = 600.0  # seconds a fetched set is used without asking again
STALE_FOR = 86_400.0  # seconds it serves while Auth is down; a key that Auth withdrew must not live on for ever
ASK_AGAIN_AFTER = 60.0  # seconds between two questions, whatever key ids tokens name
ASK_AGAIN_WITHOUT_KEYS = 5.0  # seconds, until the first set was read: we may have started before Auth did
ANSWER_WITHIN = 3.0  # seconds
LARGEST_SET = 256 * 1024  # bytes

# Answers the key with this id, or None where no such key is known. Raises KeysUnavailable.
Keys = Callable[[str | None], RSAPublicKey | None]


class KeysUnavailable(ProviderUnavailable):
    """Auth's keys were never read, or too long ago: nobody can be let in and nobody is proven a liar."""

    error_id = "unavailable"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, retry_after=timedelta(seconds=ASK_AGAIN_WITHOUT_KEYS))


def load_key(pem: str) -> RSAPublicKey:
    """Raises ValueError where it is not a public RSA key of a decent size."""
    try:
        key = load_pem_public_key(pem.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError("not a public RSA key") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise ValueError(f"not a public RSA key of at least {SMALLEST_KEY} bits")
    return key


class OneKey:
    """A configured key. Which id tokens give it is Auth's matter, so that the id is not looked at."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._key: RSAPublicKey | None = None

    @classmethod
    def in_file(cls, path: Path) -> OneKey:
        """Read at the first token: the demo's key may be made while we start."""
        return cls(path.read_text)

    def __call__(self, kid: str | None) -> RSAPublicKey:
        if self._key is None:
            try:
                self._key = load_key(self._read())
            except OSError as error:
                raise KeysUnavailable(f"the public key cannot be read: {error}") from error
        return self._key


class PublishedKeys:
    """A JWKS address, asked at the first token. Keys that have gone stale serve on while Auth is down, for a day."""

    def __init__(
        self, url: str, fetch: Callable[[str], bytes] | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_set
        self._monotonic = monotonic
        self._keys: dict[str, RSAPublicKey] = {}
        self._read_at = self._asked_at = float("-inf")
        self._asking = threading.Lock()

    def __call__(self, kid: str | None) -> RSAPublicKey | None:
        if self._age() > STALE_FOR:
            self._ask(ASK_AGAIN_AFTER if self._keys else ASK_AGAIN_WITHOUT_KEYS, wait=True)
        elif self._age() > FRESH_FOR:
            self._ask(ASK_AGAIN_AFTER, wait=False)
        if self._age() > STALE_FOR:
            raise KeysUnavailable(f"no key could be read from {self._url}")
        if kid is None:
            return None
        if kid not in self._keys:
            self._ask(ASK_AGAIN_AFTER, wait=True)
        return self._keys.get(kid)

    def _age(self) -> float:
        """Infinite where no set was ever read."""
        return self._monotonic() - self._read_at

    def _ask(self, not_within: float, *, wait: bool) -> None:
        """One thread asks; others wait for its answer or go on with the keys that are there."""
        if self._monotonic() - self._asked_at < not_within or not self._asking.acquire(blocking=wait):
            return
        try:
            if self._monotonic() - self._asked_at >= not_within:
                self._asked_at = self._monotonic()
                self._keys = read_set(self._fetch(self._url))
                self._read_at = self._asked_at
        except (httpx.HTTPError, ValueError, RecursionError):
            return
        finally:
            self._asking.release()


def read_set(body: bytes) -> dict[str, RSAPublicKey]:
    """Signing keys by id. Raises ValueError where it holds none: an empty set would lock everybody out."""
    parsed: Any = json.loads(body)
    listed = parsed.get("keys") if isinstance(parsed, dict) else None
    named = {jwk.get("kid"): _rsa(jwk) for jwk in listed or () if isinstance(jwk, dict)}
    keys = {kid: key for kid, key in named.items() if isinstance(kid, str) and key is not None}
    if not keys:
        raise ValueError("no usable key in the set")
    return keys


def _rsa(jwk: dict[str, Any]) -> RSAPublicKey | None:
    if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
        return None
    try:
        key = RSAAlgorithm.from_jwk(jwk)
    except (jwt.InvalidKeyError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY else None


def fetch_set(url: str) -> bytes:
    """Raises httpx.HTTPError, or ValueError for an answer beyond any reason."""
    deadline = time.monotonic() + ANSWER_WITHIN
    body = b""
    with httpx.stream("GET", url, timeout=ANSWER_WITHIN, follow_redirects=False) as answer:
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"{url} answered {answer.status_code}")
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > LARGEST_SET or time.monotonic() > deadline:
                raise ValueError(f"{url} answered too much or too slowly")
    return body
