"""Who can sign in from the start. Anybody else appears with the first event about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoPerson:
    login: str  # and the subject of their tokens
    name: str
    locale: str = "ru"
    roles: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.login}@example.com"


PEOPLE = (
    DemoPerson("alice", "Alice"),
    DemoPerson("boris", "Boris"),
    DemoPerson("clara", "Clara", locale="en"),
    DemoPerson("admin", "Ada", roles=("billing:admin",)),
    DemoPerson("finance", "Fyodor", roles=("billing:finance",)),
    DemoPerson("finance2", "Flora", roles=("billing:finance",)),
    DemoPerson("product", "Polina", roles=("billing:product",)),
    DemoPerson("support", "Semyon", roles=("billing:support",)),
    DemoPerson("viewer", "Vera", roles=("billing:viewer",)),
)
