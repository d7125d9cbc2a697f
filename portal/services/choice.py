"""Which payment system is used where no saved method is charged: the one that the customer chose, else the first."""

from __future__ import annotations

from portal import runtime
from portal.domain.errors import UnknownPaymentSystem


def chosen(name: str | None) -> str:
    """Raises UnknownPaymentSystem."""
    return _chosen(name, list(runtime.providers))


def chosen_to_save(name: str | None) -> str:
    """For a page that only saves a method. Raises UnknownPaymentSystem, also where the chosen one keeps none."""
    return _chosen(name, [one for one in runtime.providers if saves_methods(one)])


def saves_methods(name: str) -> bool:
    return runtime.providers[name].abilities.saves_methods


def _chosen(name: str | None, offered: list[str]) -> str:
    if name is None and offered:
        return offered[0]
    if name is None or name not in offered:
        raise UnknownPaymentSystem(f"provider: {name!r} is none of {', '.join(offered)}")
    return name
