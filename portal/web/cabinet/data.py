"""What we keep about a person: told, handed over as a file, erased."""

from __future__ import annotations

import logging
from uuid import UUID

from flask import Response, json, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from portal import runtime
from portal.domain import erasing
from portal.domain.errors import ErasureChanged, ErasureWaits
from portal.queries import methods, people, personal_data, subscriptions
from portal.queries.erasing import unsettled
from portal.queries.subscriptions import SubscriptionCard
from portal.services import erase as service
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.data_file import told
from portal.web.edge import request_id

log = logging.getLogger(__name__)


@signed_in
def data() -> str:
    person = current_person()
    user = people.find(person.id)
    return render_template("cabinet/data.html", user=user, methods=methods.of_user(person.id) if user else [])


@signed_in
def export() -> Response:
    """Everything, as one JSON document. That it was handed over is written into the log."""
    person, now = current_person(), runtime.clock.now()
    document = json.dumps(told(person.id, personal_data.of_user(person.id), now), ensure_ascii=False, indent=1)
    log.info("personal data of user:%s handed over", person.id, extra={"request_id": request_id()})
    name = f"matinee-{now:%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(document, headers=headers, mimetype="application/json")


@signed_in
def erase() -> str | AnyResponse | tuple[str, int]:
    person = current_person()
    if people.find(person.id) is None:
        return _to_data()
    if request.method != "POST":
        return _page({})
    if "confirm" not in request.form:
        return _page({"confirm": gettext("Tick the box: what is erased cannot be brought back")}), 422
    try:
        service.erase(person, frozenset(_ids(request.form.getlist("ends"))))
    except (ErasureWaits, ErasureChanged):
        return _page({}, changed=True), 409
    return _to_data()


def _page(errors: dict[str, str], *, changed: bool = False) -> str:
    person = current_person()
    return render_template(
        "cabinet/data_erase.html",
        waits=erasing.waits(unsettled(person.id)),
        living=_living(),
        errors=errors,
        changed=changed,
    )


def _living() -> list[SubscriptionCard]:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    return [card for card in cards if card.subscription.live]


def _ids(sent: list[str]) -> list[UUID]:
    """What is no id names nothing that could end."""
    found = []
    for text in sent:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _to_data() -> AnyResponse:
    return redirect(url_for("cabinet.data"), 303)
