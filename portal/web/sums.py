"""A sum of money as people type it."""

from __future__ import annotations

import re

from portal.domain.errors import InvalidAmount
from portal.domain.money import Money

SUM = re.compile(r"[0-9]{1,12}([.,][0-9]{1,4})?", re.ASCII)
GAPS = re.compile(r"[\s\u202f]")


def read_sum(typed: str, currency: str) -> Money:
    """100.50, 100,50 or 1 000 in major units. Raises InvalidAmount."""
    text = GAPS.sub("", typed)
    if SUM.fullmatch(text) is None:
        raise InvalidAmount(f"{typed!r} is not a sum")
    return Money.parse(text.replace(",", "."), currency)
