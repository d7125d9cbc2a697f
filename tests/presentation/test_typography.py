"""Russian as it is printed: guillemets, long dashes, and no sentence that leaves its reader alone."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from portal.presentation.language import DIRECTORY

TAG = re.compile(r"<[^>]*>")
LEFT_ALONE = ("произошла ошибка", "что-то пошло не так")  # and nobody knows what to do next


def test_russian_texts_keep_to_the_rules_of_print() -> None:
    with (DIRECTORY / "ru" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="ru")
    texts = [text for message in catalog if message.id for text in _strings(message.string)]
    assert len(texts) > 1000
    assert [text for text in texts if '"' in TAG.sub("", text)] == []
    assert [text for text in texts if " - " in text] == []
    assert [text for text in texts if any(phrase in text.lower() for phrase in LEFT_ALONE)] == []


def _strings(told: object) -> list[str]:
    return [told] if isinstance(told, str) else list(told) if isinstance(told, list | tuple) else []
