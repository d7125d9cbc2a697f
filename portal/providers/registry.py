"""Which payment systems are switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from portal.providers.port import Provider
from portal.providers.switched_off import SwitchedOff


class UnknownProvider(LookupError):
    """PAYMENT_PROVIDERS names something that is not installed."""


class SwitchedOn(dict[str, Provider]):
    """Payment systems by name. Rows outlive settings: one that is named and not switched on answers that it is off."""

    def __missing__(self, name: str) -> Provider:
        return SwitchedOff(name)


def build(names: Iterable[str], makers: Mapping[str, Callable[[], Provider]]) -> dict[str, Provider]:
    """The named payment systems, in that order; the first is the default at checkout."""
    providers = {}
    for name in names:
        if name not in makers:
            raise UnknownProvider(f"set PAYMENT_PROVIDERS to some of {', '.join(makers)}: {name!r} is not installed")
        providers[name] = makers[name]()
    return providers
