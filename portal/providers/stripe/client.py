"""Requests to Stripe's API: in bounded time all together, never sent twice by themselves, and never an exception."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx
import stripe
from stripe import StripeClient
from stripe._v1_services import V1Services

from portal.providers.deadline import Deadlined, bounded

API_VERSION: Final = "2026-10-28.endive"  # the answers are read as this version shapes them, whatever the account's is
LARGEST_PAGE: Final = 4 * 1024 * 1024  # a list has a hundred objects of some kilobytes each
UNTIL: ContextVar[float] = ContextVar("stripe_until")  # by when the call that is under way has to be over
NEVER_SENT: Final = -1  # no connection, so no request
NO_ANSWER: Final = 0

# With any other status something may have been begun: 424 is a failure behind Stripe, 409 a key that is in use.
REFUSALS: Final = frozenset({400, 401, 402, 403, 404, 429})
NO_REFUSALS: Final = frozenset({"api_error", "idempotency_error"})


@dataclass(frozen=True)
class Heard:
    """What came back: an HTTP status and the object in the body, empty where there was none to read."""

    status: int
    body: Mapping[str, Any]
    request_id: str = ""
    exception: str = ""

    @property
    def ok(self) -> bool:
        return self.status == httpx.codes.OK

    @property
    def error(self) -> Mapping[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}

    @property
    def code(self) -> str | None:
        """The word of an error in Stripe's own shape; anybody's proxy can say 404."""
        word = self.error.get("code") or self.error.get("type")
        return word if isinstance(word, str) else None

    @property
    def missing(self) -> bool:
        """Stripe knows no object with this id."""
        return self.status == httpx.codes.NOT_FOUND and self.code == "resource_missing"

    @property
    def proves_nothing_happened(self) -> bool:
        """It refused to begin. A key in use, or used with other parameters, says that an earlier request did begin."""
        if self.status == NEVER_SENT:
            return True
        if self.status not in REFUSALS or self.error.get("type") in NO_REFUSALS:
            return False
        return self.code is not None or self.status == httpx.codes.TOO_MANY_REQUESTS

    @property
    def word(self) -> str:
        if self.status == NEVER_SENT:
            return "unreachable"
        return self.code or "rate_limit"  # only a 429 proves that nothing happened without a word

    @property
    def note(self) -> str:
        """For the operator. The request's id is what Stripe's support asks for."""
        if self.exception:
            return self.exception
        said = (f"http {self.status}", self.code, self.error.get("decline_code"), self.request_id)
        return " ".join(str(word) for word in said if word)


class Answered(Protocol):
    """Whatever the SDK hands out: one object, or a list of them."""

    @property
    def last_response(self) -> Any: ...


class Account:
    """Our account at Stripe. Everything that one call through the port asks of it shares one deadline."""

    def __init__(self, api_key: str, api_base: str, transport: httpx.BaseTransport | None, deadline: float) -> None:
        self._deadline = deadline if transport is None else math.inf  # only a wire keeps anybody waiting
        self._stripe = StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base},
            http_client=_Line(transport),
            max_network_retries=0,  # whether something is sent again is decided with our rows in hand
        )

    def client(self) -> Client:
        return Client(self._stripe.v1, time.monotonic() + self._deadline)


class Client:
    def __init__(self, stripe_: V1Services, until: float) -> None:
        self._stripe = stripe_
        self._until = until

    def hear(self, ask: Callable[[V1Services], Answered]) -> Heard:
        token = UNTIL.set(self._until)
        try:
            return self._heard(ask)
        finally:
            UNTIL.reset(token)

    def _heard(self, ask: Callable[[V1Services], Answered]) -> Heard:
        try:
            said = ask(self._stripe).last_response
            return Heard(said.code, said.data if isinstance(said.data, dict) else {}, said.request_id or "")
        except stripe.APIConnectionError as error:
            cause = error.__cause__
            sent = not isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout)
            return Heard(NO_ANSWER if sent else NEVER_SENT, {}, exception=type(cause or error).__name__)
        except stripe.StripeError as error:
            body = error.json_body if isinstance(error.json_body, dict) else {}
            return Heard(error.http_status or NO_ANSWER, body, error.request_id or "")
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            # The SDK makes objects of what it reads, and stumbles over what Stripe would never say.
            return Heard(NO_ANSWER, {}, exception=f"unreadable answer: {type(error).__name__}")


class _Line(stripe.HTTPClient):
    """The SDK's requests over httpx, each given what is left of its call's time.

    The SDK's own httpx client waits as long again for every piece of an answer, and takes no transport.
    """

    name = "httpx"

    def __init__(self, transport: httpx.BaseTransport | None) -> None:
        super().__init__()
        self._transport = transport

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None
    ) -> tuple[Any, int, Mapping[str, str]]:
        until = UNTIL.get()
        # An answer that is not compressed cannot unfold into something larger than it is.
        sent = {**(headers or {}), "Accept-Encoding": "identity"}
        try:
            with (
                self._http(until - time.monotonic()) as http,
                http.stream(method, url, headers=sent, content=_raw(post_data)) as response,
            ):
                return bounded(_pieces(response), until, LARGEST_PAGE), response.status_code, response.headers
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise stripe.APIConnectionError("no readable answer") from error  # type: ignore[no-untyped-call]  # theirs

    def _http(self, seconds: float) -> httpx.Client:
        if seconds <= 0:
            raise httpx.ConnectTimeout("the requests before it took all the time")
        transport = self._transport or Deadlined(seconds, LARGEST_PAGE)
        return httpx.Client(transport=transport, timeout=seconds, trust_env=False)

    def close(self) -> None:
        """Every request has a connection of its own, so there is nothing to close."""


def _raw(post_data: Any) -> bytes | None:
    return post_data.encode() if isinstance(post_data, str) else post_data


def _pieces(response: httpx.Response) -> Iterable[bytes]:
    """The stream itself, not decoded: iter_raw refuses where a transport has read it already."""
    return response.stream if isinstance(response.stream, httpx.SyncByteStream) else ()
