"""What happened to my subscriptions, newest first."""

from __future__ import annotations

from itertools import groupby

from flask import render_template, request

from portal.presentation.dates import date
from portal.presentation.story import Episode, story
from portal.queries import history as queries
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.numbers import whole
from portal.web.locale import language, zone

PAGE_SIZE = 50
LARGEST_SEQ = 2**63 - 1


@signed_in
def history() -> str:
    before = whole(request.args, "before", default=LARGEST_SEQ, most=LARGEST_SEQ)
    entries = queries.of_user(current_person().id, before=before, limit=PAGE_SIZE)
    return render_template(
        "cabinet/history.html",
        days=_by_day(story(entries, language(), zone())),
        older=entries[-1].seq if len(entries) == PAGE_SIZE else None,
        newest="before" not in request.args,
    )


def _by_day(episodes: list[Episode]) -> list[tuple[Episode, list[Episode]]]:
    """Days of the reader's zone, each by its first episode."""
    days = [list(day) for _, day in groupby(episodes, key=lambda episode: date(episode.at, language(), zone()))]
    return [(day[0], day) for day in days]
