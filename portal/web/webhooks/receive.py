"""The payment systems' door: proof on the raw bytes, stored, 2xx. Applied later by the inbox."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from portal.services import inbox
from portal.web.edge import MAX_BODY

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/<provider>")
def receive(provider: str) -> Response:
    if (request.content_length or 0) > MAX_BODY:
        raise RequestEntityTooLarge
    fresh = inbox.receive(provider, dict(request.headers), request.get_data(cache=False))
    return jsonify(status="stored" if fresh else "known")
