"""What the demo Auth does, whoever asks: its own pages, its API, the consumer, or the cinema in the same process."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.demo.auth.events import is_name, read
from portal.demo.auth.issuing import Issuer
from portal.demo.auth.store import Account, Store
from portal.entitlements import BadToken

REFRESH_LIVES_FOR = timedelta(days=400)


class UnknownPerson(Exception):
    """Nobody has this login, or nobody owns this refresh token."""


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str


class AuthService:
    def __init__(self, store: Store, issuer: Issuer, now: Callable[[], datetime]) -> None:
        self.store = store
        self.issuer = issuer
        self._now = now

    def sign_in(self, login: object) -> Tokens:
        """There are no passwords in a demo. Raises UnknownPerson."""
        account = self.person(login)
        refresh = secrets.token_urlsafe(32)
        self.store.keep_refresh(refresh, account.id, self._now() + REFRESH_LIVES_FOR)
        return Tokens(self.issuer.access_token(account, self._now()), refresh)

    def refresh(self, token: object) -> Tokens:
        """The refresh token stays the same: two tabs may renew at one moment. Raises UnknownPerson."""
        if not isinstance(token, str):
            raise UnknownPerson
        account = self.store.owner_of_refresh(token, self._now())
        if account is None:
            raise UnknownPerson
        return Tokens(self.issuer.access_token(account, self._now()), token)

    def sign_out(self, refresh_token: str) -> None:
        self.store.forget_refresh(refresh_token)

    def current(self, token: str) -> Account:
        """The owner of a token that is good and not withdrawn. Raises BadToken."""
        claims = self.issuer.read(token, self._now())
        account = self.store.find(claims["sub"])
        version = claims.get("entitlements_version", 0)
        if account is None or type(version) is not int:
            raise BadToken("nobody's token")
        if version < account.tokens_from_version:
            raise BadToken("withdrawn", expired=True)
        return account

    def is_current(self, token: str) -> bool:
        try:
            self.current(token)
        except BadToken:
            return False
        return True

    def person(self, user_id: object) -> Account:
        """Raises UnknownPerson."""
        account = self.store.find(user_id) if is_name(user_id) else None
        if account is None:
            raise UnknownPerson
        return account

    def apply_event(self, message: dict[str, Any]) -> str:
        """'applied', or 'older' for one that comes late or again. Committed when it returns. Raises BadMessage."""
        event = read(message)
        return self.store.apply(
            event_id=event.event_id,
            user_id=event.user_id,
            version=event.version,
            tokens_from_version=event.tokens_from_version,
            entitlements=event.entitlements,
            at=self._now(),
        )
