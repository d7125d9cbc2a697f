"""The payment systems that a customer may choose from, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from portal import runtime
from portal.presentation.language import in_language
from portal.web.locale import language


@dataclass(frozen=True)
class Way:
    name: str
    title: str
    saves_methods: bool


def ways() -> list[Way]:
    """In the order of PAYMENT_PROVIDERS; none where there is nothing to choose."""
    return _choice([_way(name) for name in runtime.providers])


def ways_to_save() -> list[Way]:
    """The same of those that keep methods."""
    return _choice([way for way in map(_way, runtime.providers) if way.saves_methods])


def _way(name: str) -> Way:
    provider = runtime.providers[name]
    return Way(name, in_language(provider.titles, language()), provider.abilities.saves_methods)


def _choice(found: list[Way]) -> list[Way]:
    return found if len(found) > 1 else []
