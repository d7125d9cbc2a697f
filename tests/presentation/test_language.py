"""The Russian catalog, read as a proof-reader would."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po

from portal.presentation.features import FEATURES, GROUPS, feature, group
from portal.presentation.language import DIRECTORY, in_language, known, tell

TAG = re.compile(r"<[^>]+>")
DATES = ("trial_end", "paid_until", "access_until", "ended", "until")


def russian() -> Iterator[str]:
    with (DIRECTORY / "ru" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        for message in read_po(file, locale="ru"):
            if message.id:
                yield from message.string if isinstance(message.string, tuple) else [message.string]


TEXTS = sorted(set(russian()))


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("a straight quotation mark", r'"'),
        ("a hyphen in place of a dash", r" - "),
        ("a dash at the start of a line", r" —"),
        ("a polite capital", r"(?<![.!?:]\s)(?<!^)\b(Вы|Вас|Вам|Ваш[а-яё]*)\b"),
        ("е where ё belongs", r"\b(еще|счет|счета?м?и?|ее|нее|платеж|свое|все-таки|учетн\w+|заменен|подтвержден)\b"),
        ("a gendered past", r"\(а\)"),
        ("two gaps", r"[ \u00a0]{2}"),
        ("a number sign that may part from its number", r"№ "),
        ("an error without a way on", r"произошла ошибка"),
    ],
)
def test_no_russian_text_has(fault: str, pattern: str) -> None:
    in_plural = re.compile(r"\bсчета(м|ми|х)?\b")  # with е, as the plural is spelt
    found = [text for text in TEXTS if re.search(pattern, in_plural.sub("счёт", TAG.sub("", text)))]
    assert found == [], fault


@pytest.mark.parametrize("name", DATES)
def test_no_full_stop_follows_a_russian_date(name: str) -> None:
    """The date ends in «г.» already."""
    assert [text for text in TEXTS if f"%({name})s." in text] == []


def test_codes_have_words_and_unknown_ones_show_themselves() -> None:
    for code in FEATURES:
        assert feature(code, "ru") != feature(code, "en") != code
    for code in GROUPS:
        assert group(code, "ru") != group(code, "en") != code
    assert feature("hologram", "ru") == group("hologram", "en") == "hologram"


@pytest.mark.parametrize(
    ("claim", "locale"),
    [("ru", "ru"), ("ru-RU", "ru"), ("EN_gb", "en"), ("de", None), ("", None), (None, None), ("rus", None)],
)
def test_languages_of_tokens_are_understood(claim: str | None, locale: str | None) -> None:
    assert known(claim) == locale


def test_a_text_that_lacks_the_readers_language_is_shown_in_another() -> None:
    assert in_language({"ru": "Кино", "en": "Films"}, "en") == "Films"
    assert in_language({"ru": "Кино"}, "en") == "Кино"
    assert in_language({"en": "Films", "ru": ""}, "ru") == "Films"
    assert in_language({}, "ru") == ""


def test_the_first_sentence_whose_facts_are_known_is_told() -> None:
    sentences = ("%(who)s is here until %(when)s.", "%(who)s is here.")
    assert tell(sentences, {"who": "Anna", "when": "noon"}, "en") == "Anna is here until noon."
    assert tell(sentences, {"who": "Anna"}, "en") == "Anna is here."
    assert tell(sentences, {}, "en") == ""
