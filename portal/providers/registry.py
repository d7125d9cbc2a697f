"""Which payment systems are switched on: our own by name, and those that installed packages bring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from portal.providers.port import Provider
from portal.providers.switched_off import SwitchedOff

GROUP: Final = "matinee.providers"
MEMBERS: Final = (*Provider.__annotations__, *(name for name in vars(Provider) if not name.startswith("_")))
LANGUAGES: Final = ("ru", "en")
# It becomes the end of an address, /webhooks/<name>, and a word in rows.
NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# What may stand in a Content-Security-Policy as the place a form leads to.
ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")


class UnknownProvider(LookupError):
    """PAYMENT_PROVIDERS names something that is not installed."""


class UnusableProvider(ValueError):
    """PAYMENT_PROVIDERS names an installed module that cannot be used; the message is one line that says why."""


class SwitchedOn(dict[str, Provider]):
    """Payment systems by name. Rows outlive settings: one that is named and not switched on answers that it is off."""

    def __missing__(self, name: str) -> Provider:
        return SwitchedOff(name)


def build(
    names: Iterable[str], makers: Mapping[str, Callable[[], Provider]], environment: Mapping[str, str]
) -> dict[str, Provider]:
    """The named payment systems, in that order; the first is the default at checkout.

    `makers` are our own. Any other name is an entry point of the group `matinee.providers`: a callable that is given
    the environment and answers a Provider. Raises UnknownProvider, UnusableProvider.
    """
    names = list(names)
    outside = _installed() if set(names) - set(makers) else {}  # every package that is installed has to be opened
    known = ", ".join([*makers, *(name for name in outside if name not in makers)])
    providers = {}
    for name in names:
        if name in makers:
            providers[name] = makers[name]()
        elif name in outside:
            providers[name] = _from_outside(name, outside[name], environment)
        else:
            raise UnknownProvider(f"set PAYMENT_PROVIDERS to some of {known}: {name!r} is not installed")
    return providers


def _installed() -> dict[str, list[EntryPoint]]:
    """By name. Two packages may claim the same one."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        if entry not in found.setdefault(entry.name, []):
            found[entry.name].append(entry)
    return found


def _from_outside(name: str, entries: list[EntryPoint], environment: Mapping[str, str]) -> Provider:
    if len(entries) > 1:
        raise _unusable(name, f"{len(entries)} installed packages bring it, uninstall all but one")
    try:
        make = entries[0].load()
    except Exception as error:
        raise _unusable(name, f"{entries[0].value} cannot be loaded: {_one_line(error)}") from error
    try:
        made = make(environment)
    except Exception as error:
        raise _unusable(name, f"it does not start: {_one_line(error)}") from error
    if missing := [member for member in MEMBERS if not hasattr(made, member)]:
        raise _unusable(name, f"it has no {', '.join(missing)}")
    provider: Provider = made
    if lack := _lack(name, provider):
        raise _unusable(name, lack)
    return provider


def _lack(name: str, provider: Provider) -> str | None:
    """What keeps us from showing it at checkout and hearing from it; None: nothing."""
    if provider.name != name or not NAME.fullmatch(name):
        return (
            f"it calls itself {provider.name!r}, and its entry point is {name!r}: both are one word of a-z, 0-9, -, _"
        )
    if not all(provider.titles.get(language) for language in LANGUAGES):
        return f"its titles have to be there in {' and '.join(LANGUAGES)}"
    origins = provider.checkout_origin.split()
    if not origins or not all(ORIGIN.fullmatch(origin) for origin in origins):
        return f"its checkout_origin {provider.checkout_origin!r} is not an origin like https://pay.example"
    return None


def _unusable(name: str, why: str) -> UnusableProvider:
    return UnusableProvider(f"take {name!r} out of PAYMENT_PROVIDERS, or put it right: {why}")


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
