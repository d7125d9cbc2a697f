"""The message that says what a user may use now: read as a whole or refused as a whole."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

LARGEST_VERSION = 2**31 - 1


class BadMessage(Exception):
    """Not a message that can be understood, today or at the tenth try."""


@dataclass(frozen=True)
class Entitled:
    event_id: str
    user_id: str
    version: int
    tokens_from_version: int
    entitlements: list[dict[str, Any]]  # {plan, features, until}


def parse(body: bytes) -> dict[str, Any]:
    """Raises BadMessage."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadMessage("not a JSON object")
    return message


def read(message: dict[str, Any]) -> Entitled:
    """A CloudEvent of the type `subscription.<something>`. Raises BadMessage."""
    data = message.get("data")
    if message.get("specversion") != "1.0" or not isinstance(data, dict):
        raise BadMessage("not a CloudEvent 1.0 with data")
    if not _text(message, "type").startswith("subscription."):
        raise BadMessage("not about a subscription")
    user_id = _text(data, "user_id")
    if message.get("subject", user_id) != user_id:
        raise BadMessage("its subject and its data speak of two people")
    version = _number(data, "version", 1, LARGEST_VERSION)
    return Entitled(
        event_id=_text(message, "id"),
        user_id=user_id,
        version=version,
        tokens_from_version=_number(data, "tokens_from_version", 0, version),
        entitlements=_entitlements(data.get("subscriptions")),
    )


def _entitlements(listed: object) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise BadMessage("no list of subscriptions")
    return [_entitlement(entry) for entry in listed if entry.get("until") is not None]


def _entitlement(entry: dict[str, Any]) -> dict[str, Any]:
    features = entry.get("features")
    if not isinstance(features, list) or not all(isinstance(feature, str) for feature in features):
        raise BadMessage("no list of features")
    until = _moment(_text(entry, "until")).isoformat().replace("+00:00", "Z")
    return {"plan": _text(entry, "plan"), "features": features, "until": until}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMessage(f"not a moment: {text!r}") from error
    if moment.tzinfo is None:
        raise BadMessage(f"a moment without a zone: {text!r}")
    return moment.astimezone(UTC)


def _text(of: dict[str, Any], name: str) -> str:
    value = of.get(name)
    if not is_name(value):
        raise BadMessage(f"{name} is missing or unusable")
    return value


def is_name(value: object) -> TypeGuard[str]:
    """A string that a database can take as a key."""
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        return False
    return not any(unicodedata.category(char) in ("Cc", "Cs") for char in value)


def _number(of: dict[str, Any], name: str, least: int, most: int) -> int:
    value = of.get(name)
    if type(value) is not int or not least <= value <= most:
        raise BadMessage(f"{name} is missing or out of bounds")
    return value
