"""What people write in their own words: plain text of some length, and never a card's number, which nobody may keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from portal.domain.errors import CardNumberWritten, InvalidRequest

LONGEST = 1000
# Digits in groups, between things that are no digits and no letters: a random id may hold many digits in a row.
GROUPS = re.compile(r"(?<![0-9A-Za-z])\d+(?:[ \u00a0.\-\u2013\u2014_]{1,3}\d+)*(?![0-9A-Za-z])")
ON_A_CARD = range(3, 7)  # digits of a group; dates, hours and kopecks have fewer


def check(text: str, name: str, longest: int = LONGEST) -> None:
    """Raises InvalidRequest, CardNumberWritten."""
    if not is_plain(text, longest):
        raise InvalidRequest(f"{name}: at most {longest} characters of plain text")
    if holds_a_card_number(text):
        raise CardNumberWritten(f"{name} holds what may be a card's number")


def is_plain(text: str, longest: int) -> bool:
    return len(text) <= longest and "\x00" not in text


def holds_a_card_number(text: str) -> bool:
    """ISO/IEC 7812: 12 to 19 digits, in groups or not, the last of which is Luhn's checksum.

    What stands beside it does not hide it: the month it ends in, the three digits from its back.
    """
    found = (number for written in GROUPS.findall(text) for number in _perhaps(re.findall(r"\d+", written)))
    return any(12 <= len(number) <= 19 and _passes_luhn(number) for number in found)


def _perhaps(groups: list[str]) -> Iterator[str]:
    """All of it, however it is grouped; a group; neighbours that look as on a card."""
    yield "".join(groups)
    for first, begun in enumerate(groups):
        yield begun
        number = ""
        for group in takewhile(lambda group: len(group) in ON_A_CARD, groups[first:]):
            number += group
            yield number


def _passes_luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
