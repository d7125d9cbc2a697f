"""Whole numbers in addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portal.domain.errors import InvalidRequest

WHOLE = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def whole(sent: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """A number from 1 to `most`. Raises InvalidRequest for anything else: 0, 1.5, a sign, a letter, a blank."""
    raw = sent.get(name)
    if raw is None:
        return default
    if WHOLE.fullmatch(raw) is None or int(raw) > most:
        raise InvalidRequest(f"{name} is a whole number from 1 to {most}")
    return int(raw)
