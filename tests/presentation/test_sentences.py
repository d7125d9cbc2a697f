from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.domain.errors import Refused
from portal.presentation.language import LOCALES
from portal.presentation.sentences import TABLE, refusal
from portal.web.errors import HTTP_WORDS


def kinds(of: type[Refused] = Refused) -> Iterator[type[Refused]]:
    """Those of the domain: a kind that an edge adds for itself keeps the word of what it is a case of."""
    yield of
    for kind in of.__subclasses__():
        if kind.__module__ == "portal.domain.errors":
            yield from kinds(kind)


WORDS = sorted({*TABLE, *(kind.error_id for kind in kinds()), *HTTP_WORDS.values(), "csrf_expired", "internal_error"})


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("error_id", WORDS)
def test_every_refusal_has_its_title_sentence_and_hint(error_id: str, locale: str) -> None:
    assert error_id in TABLE
    said = refusal(error_id, {}, locale)
    assert all(said)
    assert not said.title.endswith(".")
    assert said.sentence.endswith(".")
    assert said.hint.endswith(".")


def test_both_languages_say_it_in_their_own_words() -> None:
    for error_id in TABLE:
        assert refusal(error_id, {}, "ru") != refusal(error_id, {}, "en")


def test_a_word_nobody_knows_reads_as_a_refusal() -> None:
    assert refusal("something_new", {}, "en") == refusal("refused", {}, "en")
