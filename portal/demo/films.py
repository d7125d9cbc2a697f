"""The cinema's programme, and what its pages say. `poster` names a drawing in templates/cinema/posters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Film:
    slug: str
    feature: str  # what a plan must give to open it
    title: dict[str, str]
    about: dict[str, str]
    year: int
    minutes: int

    @property
    def poster(self) -> str:
        return f"cinema/posters/{self.slug}.svg"


FILMS = (
    Film(
        "lighthouse",
        "library",
        {"ru": "Смотритель маяка", "en": "The Lighthouse Keeper"},
        {
            "ru": "Зимой на остров не ходят катера. Однажды ночью кто-то отвечает на сигнал маяка.",
            "en": "No boat calls at the island in winter. One night somebody answers the lighthouse.",
        },
        2019,
        104,
    ),
    Film(
        "last-tram",
        "library",
        {"ru": "Последний трамвай", "en": "The Last Tram"},
        {
            "ru": "Вагоновожатая, студент и виолончель едут до конечной, которой нет на схеме.",
            "en": "A driver, a student and a cello ride to a stop that is not on the map.",
        },
        2022,
        91,
    ),
    Film(
        "north-wind",
        "uhd",
        {"ru": "Северный ветер", "en": "North Wind"},
        {
            "ru": "Год над ледниками: восемь тысяч часов съёмки и ни одного слова за кадром.",
            "en": "A year above the glaciers: eight thousand hours of film and not one spoken word.",
        },
        2025,
        118,
    ),
    Film(
        "second-moon",
        "premieres",
        {"ru": "Вторая луна", "en": "Second Moon"},
        {
            "ru": "Утром над городом две луны. К вечеру все уже знают, какая из них лишняя.",
            "en": "One morning there are two moons above the city. By evening all know which is one too many.",
        },
        2026,
        127,
    ),
    Film(
        "cup-final",
        "sport",
        {"ru": "Финал кубка: «Север» — «Волна»", "en": "Cup final: Sever v Volna"},
        {
            "ru": "Дополнительное время, снег и мяч, который нашли только весной.",
            "en": "Extra time, snow, and a ball that was not found until spring.",
        },
        2026,
        125,
    ),
)

BY_SLUG = {film.slug: film for film in FILMS}

WORDS = {
    "ru": {
        "title": "Кинозал",
        "lead": "Сегодня на экране",
        "library": "Фильмотека",
        "uhd": "4K",
        "premieres": "Премьера",
        "sport": "Спорт",
        "of library": "фильмотека",
        "of uhd": "кино в 4K",
        "of premieres": "премьеры",
        "of sport": "спорт",
        "minutes": "мин",
        "now_playing": "Идёт сейчас",
        "offer": "Этот фильм открывает подписка",
        "offer_about": "Нужен тариф, в который входит: {feature}. Доступ откроется сразу после оплаты.",
        "plans": "Посмотреть тарифы",
        "sign_in": "Войти",
        "sign_out": "Выйти",
        "again": "Нужно войти ещё раз",
        "again_about": "Пропуск обновился не полностью. Войдите ещё раз, и фильм откроется, если он есть в подписке.",
        "missing": "Такого фильма нет",
        "missing_about": "Возможно, он уже сошёл с экрана.",
        "all": "Все фильмы",
        "language": "English",
        "other": "en",
        "skip": "К содержанию",
    },
    "en": {
        "title": "Screening room",
        "lead": "On screen today",
        "library": "Library",
        "uhd": "4K",
        "premieres": "Premiere",
        "sport": "Sport",
        "of library": "the library",
        "of uhd": "films in 4K",
        "of premieres": "premieres",
        "of sport": "sport",
        "minutes": "min",
        "now_playing": "Now playing",
        "offer": "A subscription opens this film",
        "offer_about": "You need a plan that includes {feature}. The film opens right after the payment.",
        "plans": "See the plans",
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "again": "Please sign in again",
        "again_about": "Your pass was not renewed. Sign in again, and the film opens if your plan has it.",
        "missing": "No such film",
        "missing_about": "It may have left the screen already.",
        "all": "All films",
        "language": "Русский",
        "other": "ru",
        "skip": "Skip to content",
    },
}
