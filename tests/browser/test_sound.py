"""Every page in every state, parsed strictly. Needs no browser, only the people whom the browser's tests see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5lib
import pytest
from werkzeug.test import TestResponse

from portal.presentation.checkout import STAGES
from portal.presentation.refunds import STATES
from portal.presentation.standing import TABLE, case_of
from tests.browser.conftest import Crowd
from tests.browser.everybody import Look, pages
from tests.world import csrf_of

pytestmark = pytest.mark.xdist_group("browser")  # on the worker that has the crowd

TEMPLATES = Path(__file__).parents[2] / "templates"
OTHER_APPS = ("/auth", "/cinema", "/sandbox")
OTHER_LANGUAGES = (*OTHER_APPS, "/docs")  # that of an order, of a sign-in, of programs
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# Sentences that take the bank's decision or absence, a long wait or an operator; the pages are those of the others.
TOLD_ALIKE = {
    *("pending.parked", "past_due.parked", "suspended.parked", "paused", "expired"),
    *("trialing.not_reached", "active.not_reached"),
    *("ended", "ended.no_method", "ended.unpaid", "ended.disputed"),
}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_in_every_state_is_sound(crowd: Crowd, language: str) -> None:
    wrong = []
    for look, answer in crowd.everybody.answers(language):
        spoken = None if look.path.startswith(OTHER_LANGUAGES) else language
        wrong += [f"{look}: {problem}" for problem in problems(answer, look.status, spoken)]
    assert not wrong, "\n".join(wrong)


def test_every_page_and_every_state_that_a_page_knows_is_looked_at(crowd: Crowd) -> None:
    """A new page, stage or sentence that nobody looks at fails here."""
    world, everybody = crowd.site.world, crowd.everybody
    everybody.answers("en")
    rendered = everybody.rendered
    adapter = world.app.url_map.bind("localhost")
    opened = {adapter.match(look.path.partition("?")[0])[0] for look in everybody.looks if of_the_map(look)}
    assert {rule.endpoint for rule in pages(world)} <= opened
    files = [file for room in ("cabinet", "errors", "docs") for file in TEMPLATES.glob(f"{room}/*.html")]
    assert {str(file.relative_to(TEMPLATES)) for file in files} <= rendered.keys()
    assert {told["stage"] for told in rendered["cabinet/payment.html"]} == set(STAGES)
    assert {told["detail"].refund.state for told in rendered["cabinet/refund_state.html"]} == set(STATES)
    overviews = rendered["cabinet/overview.html"]
    cards = [card for told in overviews for card, _ in (*told["live"], *told["waiting"], *told["over"])]
    assert {case_of(card.subscription) for card in cards} == TABLE.keys() - TOLD_ALIKE


TYPED = "кот & <co>"
NOTHING_TO_FILL_IN = {"cabinet.method_remove"}


@pytest.mark.parametrize(("language", "error"), [("ru", "Ошибка:"), ("en", "Error:")])
def test_a_form_sent_without_what_it_needs_says_so_and_keeps_what_was_typed(
    crowd: Crowd, language: str, error: str
) -> None:
    world, forms = crowd.site.world, crowd.everybody.empty_forms()
    both = [rule.endpoint for rule in pages(world) if "POST" in (rule.methods or ())]
    assert set(both) - NOTHING_TO_FILL_IN == forms.keys(), "say in Everybody.empty_forms where the new form stands"
    alice = world.browser("alice", language)
    for path in forms.values():
        empty = alice.get(path).text
        typed = dict.fromkeys(text_fields(empty), TYPED)
        answer = alice.post(path, data={"csrf_token": csrf_of(empty), **typed})
        page = html5lib.parse(answer.text, namespaceHTMLElements=False)
        assert answer.status_code == 422, path
        assert page.findtext(".//title").startswith(error), path
        linked = {a.get("href").lstrip("#") for a in page.find(".//main//*[@role='alert']").iter("a")}
        wrong = {one.get("id") for one in page.iter() if one.get("aria-invalid") == "true"}
        assert linked == wrong != set(), path
        assert text_fields(answer.text) == typed, path


def text_fields(page: str) -> dict[str, str]:
    """What can be typed into on the page, and what is there."""
    main = html5lib.parse(page, namespaceHTMLElements=False).find(".//main")
    inputs = {
        one.get("name"): one.get("value", "") for one in main.iter("input") if one.get("type") in ("text", "email")
    }
    return inputs | {one.get("name"): one.text or "" for one in main.iter("textarea")}


def of_the_map(look: Look) -> bool:
    return look.status < 400 and not look.path.startswith(OTHER_APPS)


def problems(answer: TestResponse, status: int, language: str | None) -> Iterator[str]:
    if answer.status_code != status:
        yield f"answers {answer.status_code}, not {status}"
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    page = parser.parse(answer.text)
    yield from (f"{where}: {code} {facts}" for where, code, facts in parser.errors)
    if page.get("lang") != (language or page.get("lang") or "a language"):
        yield f"speaks {page.get('lang')!r}"
    if not (page.findtext(".//title") or "").strip(" ·"):
        yield "has no title"
    levels = [
        int(element.tag[1]) for element in page.iter() if str(element.tag) in ("h1", "h2", "h3", "h4", "h5", "h6")
    ]
    if levels.count(1) != 1:
        yield f"has {levels.count(1)} headings of the first level"
    # What is wrong with a form stands above the first heading, as a second one.
    jumps = [(above, level) for above, level in zip([1, *levels], levels, strict=False) if level > above + 1]
    if jumps:
        yield f"headings jump: {jumps}"
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    if len(ids) != len(set(ids)):
        yield f"ids twice: {sorted(i for i in ids if ids.count(i) > 1)}"
    missing = set(pointed_at(page)) - set(ids)
    if missing:
        yield f"points at what is not there: {missing}"


def pointed_at(page: Any) -> Iterator[str]:
    for element in page.iter():
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            yield from (element.get(name) or "").split()
        href = element.get("href") or ""
        if href.startswith("#") and len(href) > 1:
            yield href[1:]
