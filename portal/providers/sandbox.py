"""The client of the sandbox payment system. It translates, and decides nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import httpx

from portal.domain.errors import BadSignature
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers import sandbox_said as said
from portal.providers.deadline import Deadlined, bounded
from portal.providers.port import (
    NO_CLUES,
    Abilities,
    Answer,
    ChargeOrder,
    CheckoutOrder,
    Clues,
    Listable,
    Listing,
    MoneyBack,
    Notice,
    RefundOrder,
)
from portal.providers.sandbox_said import NEVER_SENT, NO_ANSWER, Heard

TOLERANCE_SECONDS: Final = 300
SIGNATURE: Final = "sandbox-signature"
STAMP: Final = re.compile(r"\d{1,12}", re.ASCII)


class SandboxProvider:
    name = "sandbox"
    titles: Mapping[str, str] = MappingProxyType({"ru": "Картой в песочнице", "en": "By card in the sandbox"})
    abilities = Abilities(
        saves_methods=True,
        closes_checkouts=True,
        partial_refunds=True,
        key_lifetime_hours=24,
        smallest={"RUB": 100, "USD": 50, "EUR": 50, "GBP": 30, "KZT": 10_000, "JPY": 50, "KWD": 150},
    )

    def __init__(
        self,
        base_url: str,
        api_key: str,
        webhook_secret: str,
        transport: httpx.BaseTransport | None = None,
        deadline: float = 10.0,
    ) -> None:
        """`deadline` is the seconds one call over a wire may last, from its start to the last byte of its answer."""
        if not webhook_secret:
            raise ValueError("webhooks are believed for their signature: the secret must not be empty")
        self.checkout_origin = _origin(base_url)
        self._secret = webhook_secret.encode()
        self._http = httpx.Client(
            base_url=base_url,
            # An answer that is not compressed cannot unfold into something larger than it is.
            headers={"Authorization": f"Bearer {api_key}", "Accept-Encoding": "identity"},
            transport=transport or Deadlined(deadline),
            timeout=deadline,
            trust_env=False,
        )

    def start_checkout(self, order: CheckoutOrder) -> Answer:
        asked = {"user_id": order.user_id, "locale": order.locale, "return_url": order.return_url}
        limits = {"expires_at": order.expires_at.isoformat(), "save_method": order.save_method}
        body = {**_sum(order.amount), "description": order.description, **asked, **limits}
        return self._create("/v1/checkouts", order.reference, body)

    def close_checkout(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return said.look(self._call("POST", "/v1/checkouts/close", {"reference": reference}), reference)

    def charge(self, order: ChargeOrder) -> Answer:
        method = {"customer": order.customer_ref, "method": order.method_ref}
        page = {"locale": order.locale, "return_url": order.return_url}
        body = {**_sum(order.amount), "description": order.description, **method, **page}
        return self._create("/v1/charges", order.reference, body)

    def refund(self, order: RefundOrder) -> Answer:
        body = {"payment": order.payment_ref, **_sum(order.amount)}
        return self._create("/v1/refunds", order.reference, body, refused=DeclineClass.hard)

    def find(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return self._find("/v1/payments", reference)

    def find_refund(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return self._find("/v1/refunds", reference)

    def money_back(self, reference: str, clues: Clues = NO_CLUES) -> MoneyBack:
        return said.money_back(self._call("GET", "/v1/money_back", params={"reference": reference}), reference)

    def listed(self, what: Listable, after: str = "", since: datetime | None = None) -> Listing:
        made = {"since": since.isoformat()} if since is not None else {}
        return said.listing(self._call("GET", "/v1/list", params={"reference": what, "after": after, **made}))

    def detach(self, method_ref: str) -> bool:
        return self._call("POST", "/v1/methods/detach", {"reference": method_ref}).status == httpx.codes.OK

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        given = next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")
        parts = [part.strip().partition("=") for part in given.split(",")]
        stamps = [value for name, _, value in parts if name == "t"]
        if len(stamps) != 1 or not STAMP.fullmatch(stamps[0]):
            raise BadSignature("no readable time in the signature")
        expected = hmac.new(self._secret, stamps[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode()
        claimed = [value.encode() for name, _, value in parts if name == "v1"]
        # Every one is compared, so that the time taken does not tell which was close.
        if not sum([hmac.compare_digest(expected, value) for value in claimed]):
            raise BadSignature("no signature of ours")
        if abs(now.timestamp() - int(stamps[0])) > TOLERANCE_SECONDS:
            raise BadSignature("signed too long ago, or in the future")
        return self.parse(body)

    def parse(self, body: bytes) -> Notice:
        event = _object(body)
        data = event.get("data")
        reference = data.get("reference") if isinstance(data, dict) else None
        event_id, kind = event.get("id"), event.get("type")
        if not (isinstance(event_id, str) and isinstance(kind, str)):
            return Notice(f"unreadable:{hashlib.sha256(body).hexdigest()[:32]}", "unreadable", None)
        payment = data.get("payment") if isinstance(data, dict) else None
        return Notice(
            event_id,
            kind,
            reference if isinstance(reference, str) else None,
            payment if isinstance(payment, str) else None,
        )

    def _create(
        self, path: str, reference: str, body: dict[str, Any], refused: DeclineClass = DeclineClass.gateway
    ) -> Answer:
        """`refused`: what it means that the sandbox will not do this, however often it is asked."""
        heard = self._call("POST", path, {"reference": reference, **body}, key=reference)
        if heard.proves_nothing_happened:
            code = heard.code or "rate_limited"  # only a 429 proves it without a word
            kind = refused if heard.is_about_the_order else DeclineClass.gateway
            return Answer(Outcome.failed, decline=Decline(kind, code), note=heard.note)
        return said.look(heard, reference)

    def _find(self, path: str, reference: str) -> Answer:
        heard = self._call("GET", path, params={"reference": reference})
        if heard.status == httpx.codes.NOT_FOUND and heard.code == "not_found":
            return Answer(Outcome.unknown, absent=True, note=heard.note)
        return said.look(heard, reference)

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Heard:
        headers = {"Idempotency-Key": key} if key is not None else {}
        try:
            with self._http.stream(method, path, json=body, params=params, headers=headers) as response:
                return Heard(response.status_code, _object(bounded(_pieces(response))))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Heard(NEVER_SENT, {"error": {"code": "unreachable"}}, type(error).__name__)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Heard(NO_ANSWER, {}, type(error).__name__)


def _sum(amount: Money) -> dict[str, Any]:
    return {"amount": amount.minor, "currency": amount.currency}


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, or an empty one: what cannot be read says nothing."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _pieces(response: httpx.Response) -> Iterable[bytes]:
    """The stream itself, not decoded: iter_raw refuses where a transport has read it already."""
    return response.stream if isinstance(response.stream, httpx.SyncByteStream) else ()


def _origin(url: str) -> str:
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode()}"
