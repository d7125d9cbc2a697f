"""Speaking HTTP to an application of the same process, without a socket and without a second thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from wsgiref.types import WSGIApplication

import httpx
from werkzeug.test import EnvironBuilder, run_wsgi_app

IN_PROCESS = "matinee.in_process"  # an application that finds this in its environ may raise NoAnswer


class NoAnswer(Exception):
    """The application wants its caller to hear nothing. Over a socket it would have held the line, then dropped it."""

    def __init__(self, kind: Literal["timeout", "reset"]) -> None:
        super().__init__(kind)
        self.kind = kind


class InProcess(httpx.BaseTransport):
    """Hands each request to `app` as if it were mounted under `mount`. Silence becomes httpx's own exceptions."""

    def __init__(self, app: WSGIApplication, mount: str = "/sandbox") -> None:
        self._app = app
        self._mount = mount.rstrip("/")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not path.startswith(f"{self._mount}/"):
            raise httpx.ConnectError(f"nothing is mounted at {path}", request=request)
        try:
            body, status, headers = self._run(request, path.removeprefix(self._mount))
        except NoAnswer as silence:
            raised = httpx.ReadTimeout if silence.kind == "timeout" else httpx.ReadError
            raise raised("no answer", request=request) from None
        return httpx.Response(int(status.split()[0]), headers=headers, content=b"".join(body), request=request)

    def _run(self, request: httpx.Request, path: str) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        builder = EnvironBuilder(
            method=request.method,
            path=path,
            base_url=str(request.url.copy_with(path=f"{self._mount}/", query=None, fragment=None)),
            query_string=request.url.query.decode(),
            headers=list(request.headers.items()),
            data=request.read(),
            environ_overrides={IN_PROCESS: True},
        )
        body, status, headers = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        return body, status, list(headers.items())
