"""What people write in their own words: plain text of some length, and never a card's number, which nobody may keep."""

from __future__ import annotations

import re

from portal.domain.errors import CardNumberWritten, InvalidRequest

LONGEST = 1000
# Between things that are no digits and no letters: a random id may hold many digits in a row.
PERHAPS_A_CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d(?:[ -]?\d){11,18}(?![0-9A-Za-z])")


def check(text: str, name: str, longest: int = LONGEST) -> None:
    """Raises InvalidRequest, CardNumberWritten."""
    if not is_plain(text, longest):
        raise InvalidRequest(f"{name}: at most {longest} characters of plain text")
    if holds_a_card_number(text):
        raise CardNumberWritten(f"{name} holds what may be a card's number")


def is_plain(text: str, longest: int) -> bool:
    return len(text) <= longest and "\x00" not in text


def holds_a_card_number(text: str) -> bool:
    """ISO/IEC 7812: 12 to 19 digits, in groups or not, the last of which is Luhn's checksum."""
    return any(_passes_luhn(re.sub(r"\D", "", found)) for found in PERHAPS_A_CARD_NUMBER.findall(text))


def _passes_luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
