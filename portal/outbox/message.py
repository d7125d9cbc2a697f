"""What leaves the house, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

CONTENT_TYPE = "application/cloudevents+json"


@dataclass(frozen=True)
class Message:
    id: str  # the event's; the same at every try
    type: str  # `subscription.activated`
    body: bytes  # the whole CloudEvent as JSON


@dataclass(frozen=True)
class Receipt:
    """`error` None: the other side has the message for good."""

    error: str | None = None
    away: bool = False  # nobody was there to take anything, so that the messages after it were not tried

    @property
    def confirmed(self) -> bool:
        return self.error is None


class Publisher(Protocol):
    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        """One receipt for each message tried, in order. Never raises because the other side is down."""

    def close(self) -> None: ...
