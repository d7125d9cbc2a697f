"""JSON as it was written: fractions become Decimal, never a float that is only near them."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from json import dumps
from typing import Any

__all__ = ["dumps", "loads"]


def loads(text: str | bytes, **_: Any) -> Any:
    """Raises ValueError or RecursionError for what is not JSON, and for what two readers could read differently."""
    return json.loads(text, parse_float=_decimal, parse_constant=_refuse, object_pairs_hook=_once)


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:
        raise ValueError("an exponent that no number needs") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could take two different values of a member that is there twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members
