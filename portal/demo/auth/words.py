"""What the sign-in page says."""

from __future__ import annotations

WORDS = {
    "ru": {
        "title": "Вход",
        "lead": "Это учебный вход: паролей нет. Выберите, кем войти.",
        "customers": "Зрители",
        "cast": "Другие зрители",
        "operators": "Сотрудники",
        "billing:admin": "администратор",
        "billing:finance": "финансы",
        "billing:product": "тарифы",
        "billing:support": "поддержка",
        "billing:viewer": "только просмотр",
        "customer": "зритель",
        "unknown": "Такого человека здесь нет. Выберите кого-нибудь из списка.",
        "elsewhere": "Форма пришла с другого сайта, поэтому ничего не произошло. Выберите, кем войти, здесь.",
        "back": "Вернуться без входа",
        "language": "English",
        "other": "en",
        "skip": "К содержанию",
    },
    "en": {
        "title": "Sign in",
        "lead": "This is a demo: there are no passwords. Choose who you are.",
        "customers": "Viewers",
        "cast": "More viewers",
        "operators": "Staff",
        "billing:admin": "administrator",
        "billing:finance": "finance",
        "billing:product": "plans",
        "billing:support": "support",
        "billing:viewer": "read only",
        "customer": "viewer",
        "unknown": "There is nobody of this name here. Choose somebody from the list.",
        "elsewhere": "The form came from another site, so nothing happened. Choose who you are here.",
        "back": "Go back without signing in",
        "language": "Русский",
        "other": "ru",
        "skip": "Skip to content",
    },
}
