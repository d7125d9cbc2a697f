"""Alive, and ready."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from portal.queries import readiness
from portal.services import heartbeat

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Migrated, with something on sale, and every process beating."""
    missing: dict[str, object] = {}
    try:
        if not readiness.migrated():
            missing["migrations"] = "run: flask --app wsgi db upgrade"
        elif not readiness.has_plans():
            missing["plans"] = "nothing is on sale"
        else:
            missing |= dict.fromkeys(heartbeat.silent(), "does not beat")
    except SQLAlchemyError:
        missing["database"] = "does not answer"
    return jsonify(status="ready" if not missing else "not ready", missing=missing), 503 if missing else 200
