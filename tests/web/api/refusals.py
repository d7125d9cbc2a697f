"""What a refusal of the API has to look like."""

from __future__ import annotations

from werkzeug.test import TestResponse

from tests.world import World

MEMBERS = {"error_id", "error_desc", "request_id"}


def wrong_in(answer: TestResponse, status: int, error_id: str | None = None) -> str | None:
    """None where the answer has this status and a body of exactly three texts."""
    body = answer.get_json(silent=True)
    if answer.status_code != status:
        return f"{answer.status_code} instead of {status}: {answer.text[:200]}"
    if not isinstance(body, dict) or set(body) != MEMBERS or not all(isinstance(v, str) and v for v in body.values()):
        return f"not an error body: {answer.text[:200]}"
    if body["request_id"] != answer.headers["X-Request-Id"]:
        return "the request id of the body is not the header's"
    return None if error_id in (None, body["error_id"]) else f"{body['error_id']} instead of {error_id}"


class Untouched:
    """`with Untouched(world)`: no table may have got a row."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        self._before = self._world.counts()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            assert self._world.counts() == self._before
