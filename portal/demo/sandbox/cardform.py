"""Reading the three fields of the pay page. The number and the code are looked at once and kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.demo.sandbox.cards import BY_NUMBER, Card, passes_checksum

EXPIRY = re.compile(r"(0[1-9]|1[0-2])\s*/?\s*(?:20)?(\d{2})")
CVC = re.compile(r"\d{3}")


@dataclass(frozen=True)
class CardForm:
    card: Card | None
    expires: str | None  # "2030-12"
    typed_expiry: str  # given back to the reader; the other two are typed again
    errors: dict[str, str]  # field -> the name of a sentence in words.py, in the order of the page


def read(form: Mapping[str, str], now: datetime) -> CardForm:
    number = re.sub(r"[\s-]", "", form.get("card_number", ""))
    typed = form.get("expiry", "").strip()[:9]
    expires = _expires(typed)
    problems = {
        "card_number": _number_problem(number),
        "expiry": _expiry_problem(typed, expires, now),
        "cvc": None if CVC.fullmatch(form.get("cvc", "").strip()) else "cvc_invalid",
    }
    errors = {field: problem for field, problem in problems.items() if problem is not None}
    return CardForm(BY_NUMBER.get(number), expires, typed, errors)


def _number_problem(number: str) -> str | None:
    if number in BY_NUMBER:
        return None
    if not number:
        return "number_missing"
    if not re.fullmatch(r"\d{12,19}", number, re.ASCII) or not passes_checksum(number):
        return "number_invalid"
    return "number_real"  # it could be somebody's: we do not want it


def _expires(typed: str) -> str | None:
    match = EXPIRY.fullmatch(typed)
    return f"20{match[2]}-{match[1]}" if match is not None and match[2].isascii() else None


def _expiry_problem(typed: str, expires: str | None, now: datetime) -> str | None:
    if not typed:
        return "expiry_missing"
    if expires is None:
        return "expiry_invalid"
    return "expiry_past" if expires < now.strftime("%Y-%m") else None
