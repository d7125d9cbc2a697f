"""Who can sign in from the start. Anybody else appears with the first event about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoPerson:
    login: str  # and the subject of their tokens
    name: str
    locale: str = "ru"
    roles: tuple[str, ...] = ()
    zone: str | None = None
    listed: bool = True  # on the sign-in page among the first

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


def _viewer(login: str, locale: str = "ru", zone: str | None = None) -> DemoPerson:
    return DemoPerson(login, login.capitalize(), locale=locale, zone=zone, listed=False)


# Those whom a seeded demo has a past of.
CAST = (
    _viewer("anna"),
    _viewer("arina"),
    _viewer("arkady", zone="Europe/Samara"),
    _viewer("dmitri", zone="Asia/Yekaterinburg"),
    _viewer("elena"),
    _viewer("emma", "en", "America/New_York"),
    _viewer("fedor"),
    _viewer("galina", zone="Europe/Kaliningrad"),
    _viewer("gleb"),
    _viewer("grace", "en", "Asia/Tbilisi"),
    _viewer("henry", "en", "Australia/Sydney"),
    _viewer("ilya", zone="Asia/Novosibirsk"),
    _viewer("irina"),
    _viewer("jack", "en", "Europe/London"),
    _viewer("kirill"),
    _viewer("ksenia"),
    _viewer("larisa", zone="Asia/Vladivostok"),
    _viewer("lev"),
    _viewer("lucy", "en", "America/Los_Angeles"),
    _viewer("marta"),
    _viewer("maxim"),
    _viewer("mila"),
    _viewer("nadia"),
    _viewer("nina"),
    _viewer("oleg", zone="Asia/Omsk"),
    _viewer("oliver", "en", "Europe/London"),
    _viewer("pavel"),
    _viewer("petra", "en", "Europe/Berlin"),
    _viewer("raisa"),
    _viewer("rita"),
    _viewer("roman"),
    _viewer("sasha"),
    _viewer("sonya"),
    _viewer("stepan"),
    _viewer("tamara"),
    _viewer("timur", zone="Asia/Almaty"),
    _viewer("vadim"),
    _viewer("yuri"),
    _viewer("zoya"),
)

EVERYBODY = (*PEOPLE, *CAST)
