"""The portal's two languages. Needs no request: pages and documents speak with the same words.

Messages are English in the sources; translations/ holds the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

LOCALES = ("ru", "en")
DIRECTORY = Path(__file__).parents[2] / "translations"
NBSP = "\N{NO-BREAK SPACE}"


def N_(message: str) -> str:
    """The name by which tools find messages: marks one that stands in a table and is translated where it is read."""
    return message


@cache
def words(locale: str) -> NullTranslations:
    """The catalog of a language. English needs none: its messages are the sources'."""
    return Translations.load(DIRECTORY, [locale])


def known(locale: str | None) -> str | None:
    """`ru-RU` as a token may carry it becomes `ru`; None for a language we do not speak."""
    short = (locale or "").replace("_", "-").partition("-")[0].lower()
    return short if short in LOCALES else None


def in_language(texts: Mapping[str, str], locale: str) -> str:
    """What operators wrote, in the reader's language, else in whatever language there is."""
    return texts.get(locale) or next((texts[other] for other in LOCALES if texts.get(other)), "")


def tell(messages: Iterable[str], facts: Mapping[str, object], locale: str) -> str:
    """The first message whose placeholders are all known: old rows may know less than new ones."""
    gettext = words(locale).gettext
    for message in messages:
        try:
            return gettext(message) % facts
        except KeyError:
            continue
    return ""
