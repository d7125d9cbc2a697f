"""What a caller gets to hear: an answer, or nothing at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from portal.demo.sandbox.faults import Fault


@dataclass(frozen=True)
class Silence:
    """No answer: the line is held for `seconds`, then dropped, or reset at once."""

    kind: Literal["timeout", "reset"]
    seconds: float = 0.0


@dataclass(frozen=True)
class Reply:
    status: int
    body: str = ""
    mimetype: str = "application/json"
    location: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    silence: Silence | None = None


GARBAGE = "<!doctype html><title>Maintenance</title><h1>We will be right back</h1>"


def as_json(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False))


def error(status: int, code: str, message: str) -> Reply:
    return as_json(status, {"error": {"code": code, "message": message}})


def broken() -> Reply:
    return error(500, "internal_error", "something went wrong on our side")


def instead(fault: Fault) -> Reply:
    """The answer to a request that never got to work."""
    if fault.name == "rate_limited":
        limited = error(429, "rate_limited", "too many requests; try again later")
        return replace(limited, headers=(("Retry-After", "1"),))
    return Reply(504, silence=_silence(fault))


def spoiled(reply: Reply, fault: Fault) -> Reply:
    """What is left of an answer on its way to the caller."""
    if fault.name == "garbage":
        return Reply(200, GARBAGE, mimetype="text/html")
    if fault.name == "truncated":
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    return replace(reply, silence=_silence(fault))


def _silence(fault: Fault) -> Silence:
    if fault.name.startswith("timeout"):
        return Silence("timeout", fault.params["hold_seconds"])
    return Silence("reset")
