"""The proof of a webhook: Stripe's signature over the raw bytes and the moment of sending, and the right mode."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from portal.domain.errors import BadSignature
from portal.providers.stripe.events import event

TOLERANCE_SECONDS: Final = 300
SIGNATURE: Final = "stripe-signature"
SCHEME: Final = "v1"  # Stripe also sends v0, a weaker one for tests
STAMP: Final = re.compile(r"\d{1,12}", re.ASCII)


def prove(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime) -> None:
    """Raises BadSignature. While a secret is being replaced there are two, and either is good."""
    given = next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")
    parts = [part.strip().partition("=") for part in given.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not STAMP.fullmatch(stamps[0]):
        raise BadSignature("no readable time in the signature")
    signed = stamps[0].encode() + b"." + body
    expected = [hmac.new(secret, signed, hashlib.sha256).hexdigest().encode() for secret in secrets]
    claimed = [value.encode() for name, _, value in parts if name == SCHEME]
    # Every one is compared, so that the time taken does not tell which was close.
    if not sum([hmac.compare_digest(ours, theirs) for ours in expected for theirs in claimed]):
        raise BadSignature("no signature of ours")
    if abs(now.timestamp() - int(stamps[0])) > TOLERANCE_SECONDS:
        raise BadSignature("signed too long ago, or in the future")


def refuse_other_mode(body: bytes, live: bool) -> None:
    """A test event at a live endpoint would give away what nobody paid for."""
    said = event(body).get("livemode")
    if isinstance(said, bool) and said is not live:
        raise BadSignature(f"from {'live' if said else 'test'} mode, and our key is not")
