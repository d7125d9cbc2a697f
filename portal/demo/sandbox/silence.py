"""The WSGI layer that lets a request go unanswered, with no transaction and no request context open meanwhile."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Iterable
from typing import NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Response, request

from portal.demo.sandbox.reply import Reply, Silence
from portal.demo.transport import IN_PROCESS, NoAnswer

WANTED = "sandbox.silence"  # an environ key: the answer that was computed must not be sent

SOCKETS = ("werkzeug.socket", "gunicorn.socket")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, zero seconds


def send(reply: Reply) -> Response:
    """The reply as this request's response; a silent one is caught by the layer below on its way out."""
    request.environ[WANTED] = reply.silence
    response = Response(reply.body, reply.status, list(reply.headers), mimetype=reply.mimetype)
    if reply.location is not None:
        response.location = reply.location
    return response


class Silencer:
    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = self._app(environ, start_response)
        silence: Silence | None = environ.get(WANTED)
        if silence is not None:
            _drop(environ, silence)
        return body


def _drop(environ: WSGIEnvironment, silence: Silence) -> NoReturn:
    if environ.get(IN_PROCESS):
        raise NoAnswer(silence.kind)
    threading.Event().wait(silence.seconds)
    for name in SOCKETS:
        if isinstance(line := environ.get(name), socket.socket):
            _cut(line)
    # Servers take this for a client that went away: they send nothing more.
    raise ConnectionResetError(errno.ECONNRESET, "the sandbox dropped this connection on purpose")


def _cut(line: socket.socket) -> None:
    """Ended in both directions, so that no server waits for the next request on it."""
    with contextlib.suppress(OSError):  # the caller may have been faster
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        line.shutdown(socket.SHUT_RDWR)
