"""The client of the sandbox payment system. It translates, and decides nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from portal.domain.errors import BadSignature, InvalidAmount
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.deadline import Deadlined, bounded
from portal.providers.port import Abilities, Answer, ChargeOrder, CheckoutOrder, Notice, RefundOrder, SavedMethod

TOLERANCE_SECONDS: Final = 300
SIGNATURE: Final = "sandbox-signature"
STAMP: Final = re.compile(r"\d{1,12}", re.ASCII)
WORD: Final = re.compile(r"[a-z0-9_]{1,40}")
NEVER_SENT: Final = -1  # no connection, so no request
NO_ANSWER: Final = 0
SAID: Final = frozenset({Outcome.succeeded, Outcome.failed, Outcome.requires_action, Outcome.pending})


class SandboxProvider:
    name = "sandbox"
    abilities = Abilities(saves_methods=True, closes_checkouts=True, partial_refunds=True, key_lifetime_hours=24)

    def __init__(
        self,
        base_url: str,
        api_key: str,
        webhook_secret: str,
        transport: httpx.BaseTransport | None = None,
        deadline: float = 10.0,
    ) -> None:
        """`deadline` is the seconds one call may last from its start to the last byte of its answer."""
        if not webhook_secret:
            raise ValueError("webhooks are believed for their signature: the secret must not be empty")
        self.checkout_origin = _origin(base_url)
        self._secret = webhook_secret.encode()
        self._deadline = deadline
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

    def close_checkout(self, reference: str) -> Answer:
        return _look(self._call("POST", "/v1/checkouts/close", {"reference": reference}), reference)

    def charge(self, order: ChargeOrder) -> Answer:
        method = {"customer": order.customer_ref, "method": order.method_ref}
        page = {"locale": order.locale, "return_url": order.return_url}
        body = {**_sum(order.amount), "description": order.description, **method, **page}
        return self._create("/v1/charges", order.reference, body)

    def refund(self, order: RefundOrder) -> Answer:
        body = {"payment": order.payment_ref, **_sum(order.amount)}
        return self._create("/v1/refunds", order.reference, body, refused=DeclineClass.hard)

    def find(self, reference: str) -> Answer:
        return self._find("/v1/payments", reference)

    def find_refund(self, reference: str) -> Answer:
        return self._find("/v1/refunds", reference)

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
        return Notice(event_id, kind, reference if isinstance(reference, str) else None)

    def _create(
        self, path: str, reference: str, body: dict[str, Any], refused: DeclineClass = DeclineClass.gateway
    ) -> Answer:
        """`refused`: what it means that the sandbox will not do this, however often it is asked."""
        heard = self._call("POST", path, {"reference": reference, **body}, key=reference)
        if heard.proves_nothing_happened:
            code = heard.code or "rate_limited"  # only a 429 proves it without a word
            kind = refused if heard.is_about_the_order else DeclineClass.gateway
            return Answer(Outcome.failed, decline=Decline(kind, code), note=heard.note)
        return _look(heard, reference)

    def _find(self, path: str, reference: str) -> Answer:
        heard = self._call("GET", path, params={"reference": reference})
        if heard.status == httpx.codes.NOT_FOUND and heard.code == "not_found":
            return Answer(Outcome.unknown, absent=True, note=heard.note)
        return _look(heard, reference)

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Heard:
        headers = {"Idempotency-Key": key} if key is not None else {}
        until = time.monotonic() + self._deadline
        try:
            with self._http.stream(method, path, json=body, params=params, headers=headers) as response:
                return Heard(response.status_code, _object(bounded(_pieces(response), until)))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Heard(NEVER_SENT, {"error": {"code": "unreachable"}}, type(error).__name__)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Heard(NO_ANSWER, {}, type(error).__name__)


@dataclass(frozen=True)
class Heard:
    """What came back: an HTTP status and the object in the body, empty where there was none to read."""

    status: int
    body: dict[str, Any]
    exception: str = ""

    @property
    def code(self) -> str | None:
        """The word of an error in the sandbox's own shape; anybody's proxy can say 404."""
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) and WORD.fullmatch(code) else None

    @property
    def proves_nothing_happened(self) -> bool:
        """It refused to begin. A key in use, or used with another body, says that an earlier request did begin."""
        if self.status in (NEVER_SENT, httpx.codes.TOO_MANY_REQUESTS):
            return True
        refused = httpx.codes.is_client_error(self.status) and self.status != httpx.codes.CONFLICT
        return refused and self.code not in (None, "idempotency_mismatch")

    @property
    def is_about_the_order(self) -> bool:
        """Refused for what it asks. A wrong key of ours, a wrong address or a queue may be put right meanwhile."""
        return self.status in (httpx.codes.BAD_REQUEST, httpx.codes.PAYMENT_REQUIRED, httpx.codes.UNPROCESSABLE_ENTITY)

    @property
    def note(self) -> str:
        return self.exception or " ".join(filter(None, (f"http {self.status}", self.code)))


def _look(heard: Heard, reference: str) -> Answer:
    if heard.status != httpx.codes.OK:
        return Answer(Outcome.unknown, note=heard.note)
    try:
        return _answer(heard.body, reference)
    except (KeyError, TypeError, ValueError, InvalidAmount) as error:
        return Answer(Outcome.unknown, note=f"unreadable answer: {type(error).__name__}")


def _answer(said: dict[str, Any], reference: str) -> Answer:
    """Raises KeyError, TypeError, ValueError or InvalidAmount where it is not what the sandbox documents."""
    outcome = Outcome(said["state"])
    if said["reference"] != reference or outcome not in SAID:
        raise ValueError("not an answer about what we asked")
    decline = said["decline"]
    return Answer(
        outcome,
        provider_ref=_text(said["id"]),
        amount=Money(said["amount"], said["currency"]),
        redirect_url=_page(said.get("url")),
        method=_method(said.get("method")),
        decline=Decline(DeclineClass(decline["class"]), _text(decline["code"])) if outcome is Outcome.failed else None,
    )


def _method(said: dict[str, Any] | None) -> SavedMethod | None:
    if said is None:
        return None
    customer, method, kind, title = (_text(said[name]) for name in ("customer", "id", "kind", "title"))
    return SavedMethod(customer, method, kind, title, _text(said["expires"]) if said["expires"] is not None else None)


def _page(said: str | None) -> str | None:
    """An address a browser may be sent to: nothing but http and https."""
    if said is None:
        return None
    parts = urlsplit(_text(said))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("not a web address")
    return said


def _text(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise TypeError("a text was expected")
    return said


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
