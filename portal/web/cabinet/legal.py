"""The texts that customers agree to."""

from __future__ import annotations

from flask import render_template

from portal.web.locale import language


def terms() -> str:
    return render_template(f"legal/{language()}/terms.html")


def privacy() -> str:
    return render_template(f"legal/{language()}/privacy.html")
