"""A case: one sentence about a payment module, and the play that shows whether it is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portal.domain.money import EXPONENTS
from portal.providers.conformance.counterpart import Counterpart, Need
from portal.providers.conformance.shop import Shop

Play = Callable[[Shop], None]


@dataclass(frozen=True)
class Case:
    name: str  # "refunds.more_than_was_taken": people quote it, so it stays as it is
    proves: str
    play: Play  # raises Misbehaved
    needs: tuple[Need, ...] = ()
    able: tuple[str, ...] = ()  # names of portal.providers.port.Abilities
    decimals: int | None = None  # of a currency that is needed

    def missing(self, other: Counterpart) -> list[str]:
        """What keeps it from being played: then the case is not applicable."""
        wanted = [need.value for need in self.needs if need not in other.has]
        wanted += [name for name in self.able if not getattr(other.provider.abilities, name)]
        if self.decimals is not None and currency_with(other, self.decimals) is None:
            wanted.append(f"a currency of {self.decimals} decimals")
        return wanted


def currency_with(other: Counterpart, decimals: int) -> str | None:
    return next((currency for currency in other.currencies if EXPONENTS[currency] == decimals), None)


def proves(sentence: str, *needs: Need, able: tuple[str, ...] = ()) -> Callable[[Play], Case]:
    """Make a case of a function. It is named after its module and itself."""

    def as_case(play: Play) -> Case:
        subject = play.__module__.rpartition(".")[2]
        return Case(f"{subject}.{play.__name__}", sentence, play, needs, able)

    return as_case
