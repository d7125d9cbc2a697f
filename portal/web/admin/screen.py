"""What every screen of the back office shares: who gets in, and how an act is named, refused and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import abort, flash, redirect, request
from flask_admin import BaseView
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain import free_text
from portal.domain.act import Act
from portal.domain.errors import AlreadyDone, Forbidden, InvalidRequest, Refused
from portal.domain.ids import new_id
from portal.services import activity
from portal.web import own_words
from portal.web.auth import current_person, require_person
from portal.web.edge import request_id
from portal.web.roles import may

View = TypeVar("View", bound=Callable[..., Any])


def needs(right: str) -> Callable[[View], View]:
    """The right that a view asks for. A view without one lets nobody in."""

    def declare(view: View) -> View:
        view.right = right  # type: ignore[attr-defined]  # read in Screen._handle_view
        return view

    return declare


class Screen(BaseView):  # type: ignore[misc]  # Flask-Admin's base is untyped where it matters
    """One section of the back office. Nothing here writes: acts are the services'."""

    def is_accessible(self) -> bool:
        """For the menu: those who may see nothing see no menu either."""
        return may(current_person().roles, "see")

    def _handle_view(self, name: str, **_: Any) -> Any:
        away = require_person()
        if away is not None:
            return away
        right = getattr(getattr(type(self), name), "right", None)
        if right is None or not may(current_person().roles, right):
            if request.method not in ("GET", "HEAD"):
                _log_forbidden(f"{self.endpoint}.{name}")
            raise Forbidden(f"{self.endpoint}.{name} needs {right!r}")
        return None

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Flask-Admin's own runs a view again where it raised TypeError."""
        return fn(self, *args, **kwargs)

    def render(self, template: str, **values: Any) -> str:
        values.setdefault("may", lambda right: may(current_person().roles, right))
        return cast(str, super().render(template, **values))


def act(reason: str | None = None, note: str = "") -> Act:
    """The press of the button that this request is. Raises InvalidRequest where the form is none of ours."""
    try:
        form_id = UUID(request.form.get("act", ""))
    except ValueError:
        raise InvalidRequest("the form has no id") from None
    free_text.check(note, "note")
    return Act(
        id=form_id,
        operator=current_person().id,
        request_id=request_id(),
        address=request.remote_addr,
        reason=reason,
        note=note or None,
    )


def form_id() -> UUID:
    """Of a form that is shown: sent twice, it acts once. A form that comes back keeps its own."""
    try:
        return UUID(request.form["act"])
    except (KeyError, ValueError):
        return new_id(runtime.clock.now())


@contextmanager
def attempt(made: Act, what: str, kind: str, subject_id: object, user_id: str | None = None) -> Iterator[None]:
    """What is refused is told in the activity log as well. The same form once more is as good as done."""
    try:
        yield
    except AlreadyDone:
        flash(gettext("This was done already; nothing was done twice."))
    except Refused as refusal:
        activity.log_refusal(made, what, refusal.error_id, kind, subject_id, user_id)
        raise


def done(url: str, told: str | None = None) -> Response:
    """On to the page that shows how things stand now."""
    if told:
        flash(told)
    return redirect(url, 303)


def plain(note: str) -> str:
    """An operator's own words as far as they can be kept, for the log of what is refused."""
    return "" if own_words.error(note) else note


def found(row: Any) -> Any:
    """The row, or the page that says there is none."""
    if row is None:
        abort(404)
    return row


def _log_forbidden(endpoint: str) -> None:
    person = current_person()
    tried = Act(new_id(runtime.clock.now()), person.id, request_id(), request.remote_addr)
    activity.log_refusal(tried, endpoint[:32], Forbidden.error_id, "screen", request.path[:64], None)
