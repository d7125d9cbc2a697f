"""HTTP with one deadline for a whole call: no server, however slow it trickles, holds us longer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpcore
import httpx

LARGEST_ANSWER: Final = 256 * 1024


def bounded(pieces: Iterable[bytes], until: float = math.inf, largest: int = LARGEST_ANSWER) -> bytes:
    """A body as it came, in bounded size, and in bounded time where it comes over a wire.

    Raises ValueError or httpx.ReadTimeout.
    """
    body = b""
    for piece in pieces:
        body += piece
        if len(body) > largest:
            raise ValueError("the answer is too large")
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer took too long")
    return body


class Deadlined(httpx.BaseTransport):
    """One connection per request, and one deadline for all that happens on it.

    httpx limits the wait for each piece of an answer, so a server that sends a byte a second, be it of its headers,
    would be waited for without end. Here every wait is given only what is left of the whole.
    """

    def __init__(self, seconds: float, largest: int = LARGEST_ANSWER) -> None:
        self._seconds = seconds
        self._largest = largest

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        until = time.monotonic() + self._seconds
        try:
            with httpcore.ConnectionPool(network_backend=_Network(until), max_keepalive_connections=0) as pool:
                url, sent = str(request.url), request.read()
                with pool.stream(request.method, url, headers=request.headers.raw, content=sent) as answer:
                    body = bounded(answer.iter_stream(), until, self._largest)
                    return httpx.Response(answer.status, headers=answer.headers, stream=_Whole(body), request=request)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise httpx.ConnectError(str(error), request=request) from error
        except httpcore.TimeoutException as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise httpx.ReadError(f"{type(error).__name__}: {error}", request=request) from error


class _Whole(httpx.SyncByteStream):
    """A body that was read already, and is handed on as it came."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body


class _Network(httpcore.SyncBackend):
    def __init__(self, until: float) -> None:
        self._until = until

    def connect_tcp(self, *args: Any, **options: Any) -> httpcore.NetworkStream:
        options["timeout"] = max(self._until - time.monotonic(), 0.001)
        return _Stream(super().connect_tcp(*args, **options), self._until)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole call took too long")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left())

    def start_tls(self, *args: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(*args, **{**options, "timeout": self._left()}), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def close(self) -> None:
        self._inner.close()
