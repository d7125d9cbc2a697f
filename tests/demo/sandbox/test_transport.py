"""The in-process transport: an application behind a mount, and silence as httpx knows it."""

from __future__ import annotations

import httpx
import pytest
from flask import Flask, Response, request

from portal.demo.transport import IN_PROCESS, InProcess, NoAnswer


def echo() -> httpx.Client:
    app = Flask(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.route("/echo", methods=["GET", "POST"])
    def answer() -> Response:
        said = f"{request.method} {request.script_root}{request.path}?{request.query_string.decode()} "
        return Response(said + request.get_data(as_text=True) + request.headers.get("X-Said", ""), 201)

    @app.get("/silent/<kind>")
    def silent(kind: str) -> Response:
        assert request.environ[IN_PROCESS] is True
        raise NoAnswer("timeout" if kind == "timeout" else "reset")

    return httpx.Client(base_url="http://shop.example/sandbox", transport=InProcess(app))


def test_a_request_arrives_whole_and_below_its_mount() -> None:
    answer = echo().post("/echo", params={"a": "б"}, content=b"body ", headers={"X-Said": "header"})
    assert (answer.status_code, answer.text) == (201, "POST /sandbox/echo?a=%D0%B1 body header")


def test_a_path_beside_the_mount_is_like_a_closed_port() -> None:
    with pytest.raises(httpx.ConnectError):
        echo().get("http://shop.example/sandboxes/echo")


def test_silence_is_a_timeout_or_a_broken_connection() -> None:
    with pytest.raises(httpx.ReadTimeout):
        echo().get("/silent/timeout")
    with pytest.raises(httpx.ReadError):
        echo().get("/silent/reset")
