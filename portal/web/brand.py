"""GET /brand.css: BRAND_ACCENT as a stylesheet. Pages carry no inline style, so the colour needs an address."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, request
from werkzeug.wrappers import Response

from portal import runtime
from portal.presentation import accent

blueprint = Blueprint("brand", __name__)
AN_HOUR = 3600


@blueprint.get("/brand.css")
def stylesheet() -> Response:
    """The same for everybody, so any cache may keep it; a new colour has arrived everywhere after an hour."""
    colour = runtime.settings.accent
    if not colour:
        abort(404)
    response = make_response(accent.stylesheet(colour))
    response.mimetype = "text/css"
    response.cache_control.public = True
    response.cache_control.max_age = AN_HOUR
    response.add_etag()
    return response.make_conditional(request)
