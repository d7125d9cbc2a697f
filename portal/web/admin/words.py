"""Closed lists of states for filters to choose from, in the words of the cabinet."""

from __future__ import annotations

from collections.abc import Collection

from portal.domain.states import states
from portal.presentation.language import words
from portal.presentation.standing import TABLE
from portal.web.locale import language


def subscription_states(among: Collection[str] | None = None) -> dict[str, str]:
    """Those that there can be, in the order of a subscription's life."""
    known = [state for state in states("subscription") if among is None or state in among]
    return {state: words(language()).gettext(TABLE[state][1]) for state in known}
