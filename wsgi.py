"""What gunicorn and `flask --app wsgi` load."""

from __future__ import annotations

import sys

from portal import starting
from portal.app import create_app
from portal.config import Misconfigured

IN_GUNICORN = "gunicorn" in sys.modules  # a command that loads this begins by itself
HALT = 4  # gunicorn's: all of it ends. After a 1 it tries with the next worker, and the others go on

try:
    app = create_app()
    if IN_GUNICORN:
        with app.app_context():
            starting.begin()
except Misconfigured as refusal:
    if refusal.passes or not IN_GUNICORN:
        raise
    print(refusal, file=sys.stderr)
    sys.exit(HALT)
