"""A field in which people write in their own words: what is wrong with it, in a sentence beside it."""

from __future__ import annotations

from flask_babel import gettext

from portal.domain import free_text


def error(text: str, longest: int = free_text.LONGEST) -> str:
    """ "" where nothing is wrong."""
    if not free_text.is_plain(text, longest):
        return str(gettext("Write at most %(n)s characters of plain text", n=longest))
    if free_text.holds_a_card_number(text):
        return str(gettext("Take out what looks like a card number: we must not keep one"))
    return ""
