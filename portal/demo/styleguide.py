"""/styleguide: every component of the cabinet in each of its states, for whoever builds or judges a page."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.money import Money

blueprint = Blueprint("styleguide", __name__)
INTERVALS = ("day", "month", "year")
WAYS = (
    SimpleNamespace(name="sandbox", title="Sandbox", saves_methods=True),
    SimpleNamespace(name="other", title="Other", saves_methods=False),
)


@blueprint.route("/styleguide", methods=["GET", "POST"])
def styleguide() -> str | Response:
    """Its forms lead back to it."""
    if request.method == "POST":
        return redirect(url_for("styleguide.styleguide"), 303)
    now = runtime.clock.now()
    return render_template(
        "demo/styleguide.html",
        now=now,
        later=now + timedelta(days=30),
        price=Money(49900, "RUB"),
        ways=WAYS,
        # Given, not written there: Jinja works filters of written values out once, in one language for all.
        **{interval: interval for interval in INTERVALS},
    )
