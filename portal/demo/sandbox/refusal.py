"""What the API will not do. Nothing was changed, and nothing is remembered under the key."""

from __future__ import annotations


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code  # a stable word

    def as_json(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": str(self)}}


def invalid(message: str, code: str = "invalid_request") -> Refusal:
    return Refusal(400, code, message)
