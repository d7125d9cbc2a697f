"""Reasons for cancelling in words: the customer chooses from the ones that operators count."""

from __future__ import annotations

from collections.abc import Mapping

from portal.domain.leaving import Reason
from portal.presentation.language import N_

REASONS: Mapping[str, str] = {
    Reason.too_expensive: N_("Too expensive"),
    Reason.not_enough: N_("Not enough to watch"),
    Reason.watch_rarely: N_("I watch too rarely"),
    Reason.technical: N_("Technical problems"),
    Reason.for_a_while: N_("I only wanted it for a while"),
    Reason.other_service: N_("I use another service"),
    Reason.other: N_("Something else"),
}
