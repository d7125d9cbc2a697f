"""Words for the codes that plans carry. A code nobody has named yet is shown as it is."""

from __future__ import annotations

from portal.presentation.language import N_, words

FEATURES = {
    "library": N_("The whole library of films and series"),
    "premieres": N_("Premieres on the day of release"),
    "uhd": N_("4K picture and surround sound"),
    "sport": N_("Live sport and replays"),
    "offline": N_("Downloads for watching offline"),
    "two_screens": N_("Two screens at once"),
    "four_screens": N_("Four screens at once"),
}

GROUPS = {
    "main": N_("Films and series"),
    "sport": N_("Sport"),
    "kids": N_("For children"),
}


def feature(code: str, locale: str) -> str:
    return _named(FEATURES, code, locale)


def group(code: str, locale: str) -> str:
    return _named(GROUPS, code, locale)


def _named(names: dict[str, str], code: str, locale: str) -> str:
    return words(locale).gettext(names[code]) if code in names else code
