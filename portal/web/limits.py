"""How often one user may write and one address may call, in real time. Webhooks and health are never held back."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded, RequestLimit

from portal.clock import real_now
from portal.domain.errors import RateLimited
from portal.web.auth import subject
from portal.web.errors import answer_refusal

if TYPE_CHECKING:
    from portal.config import Settings

log = logging.getLogger(__name__)

WRITES = ("POST", "PUT", "PATCH", "DELETE")
EXEMPT = frozenset({"webhooks", "health"})  # blueprints
TOLD = "/api/"  # pages say it in words, once it is too much
# Cancelling without sign-in: nobody finds a pair of e-mail and number by trying, and nobody is kept from typing amiss.
LEAVING = "cabinet.leave"
LEAVING_OF_ADDRESS = "30 per hour"
LEAVING_OF_ACCOUNT = "10 per hour"  # of the one that is named, from wherever
SECONDS_TO_ANSWER = 1  # a storage that is away must not hold a page up


def init(app: Flask, settings: Settings) -> None:
    """The last of what every request goes through. Counted in RATELIMIT_STORAGE_URI, else in this process.

    A storage that cannot be reached is replaced by the process's own memory until it is back.
    """
    limiter = _limiter(app, settings)

    def refuse(error: RateLimitExceeded) -> Response:
        left = _seconds_left(limiter.current_limit) if limiter.current_limit else 60
        wait = timedelta(seconds=max(1, left))
        return answer_refusal(RateLimited("too many requests in a minute", retry_after=wait))

    def tell(response: Response) -> Response:
        if request.path.startswith(TOLD):
            try:
                response.headers.update(_left(limiter.current_limits))
            except Exception as error:  # whatever a storage raises, the answer is there and goes out
                log.warning("no word of what is left: the storage of the limits did not answer: %s", error)
        return response

    app.register_error_handler(RateLimitExceeded, refuse)
    app.after_request(tell)


def _limiter(app: Flask, settings: Settings) -> Limiter:
    uri = settings.ratelimit_storage_uri
    return Limiter(
        address,
        app=app,
        application_limits=[
            ApplicationLimit(f"{settings.calls_per_minute} per minute", scope="calls", exempt_when=exempt),
            ApplicationLimit(
                f"{settings.writes_per_minute} per minute", user, scope="writes", methods=WRITES, exempt_when=exempt
            ),
            *(
                ApplicationLimit(most, whose, scope=scope, methods=WRITES, exempt_when=elsewhere)
                for most, whose, scope in (
                    (LEAVING_OF_ADDRESS, address, "leaving of an address"),
                    (LEAVING_OF_ACCOUNT, named_account, "leaving of an account"),
                )
            ),
        ],
        strategy="sliding-window-counter",
        storage_uri=uri or "memory://",
        storage_options=_patience(uri),
        in_memory_fallback_enabled=bool(uri),
        key_prefix="matinee",
    )


def _left(limits: Iterable[RequestLimit]) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers, so that programs can slow down by themselves."""
    policies, left = [], []
    for counted in limits:
        name = counted.request_args[-1]  # its scope
        policies.append(f'"{name}";q={counted.limit.amount};w={counted.limit.get_expiry()}')
        left.append(f'"{name}";r={counted.remaining};t={_seconds_left(counted)}')
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)} if left else {}


def _seconds_left(counted: RequestLimit) -> int:
    """Until there is more. The limiter's own figure is rounded up to a whole second, at times beyond the window."""
    left = math.ceil(counted.reset_at - real_now().timestamp())
    return min(max(0, left), counted.limit.get_expiry())


def exempt() -> bool:
    return request.blueprint in EXEMPT


def elsewhere() -> bool:
    return request.endpoint != LEAVING


def named_account() -> str:
    """Whose e-mail a form names: as a digest, because what is counted may be kept outside."""
    email = request.form.get("email", "").strip().casefold()
    return f"account:{hashlib.sha256(email.encode()).hexdigest()}" if email else address()


def address() -> str:
    return f"address:{request.remote_addr}"


def user() -> str:
    """Whoever cannot say who they are is counted with all others of their address."""
    known = subject()
    return f"user:{known}" if known is not None else address()


def _patience(uri: str) -> dict[str, str | int]:
    if not uri.startswith("redis"):
        return {}
    return {"socket_connect_timeout": SECONDS_TO_ANSWER, "socket_timeout": SECONDS_TO_ANSWER}
