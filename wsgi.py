"""What gunicorn and `flask --app wsgi` load."""

from __future__ import annotations

import sys

from portal import starting
from portal.app import create_app
from portal.config import Misconfigured

IN_GUNICORN = "gunicorn" in sys.modules  # a command that loads this begins by itself
HALT = 4  # gunicorn's: all of it ends. At any other it starts the next worker, for ever

try:
    app = create_app()
    if IN_GUNICORN:
        with app.app_context():
            starting.begin()
except Misconfigured as refusal:
    if not IN_GUNICORN:
        raise
    print(refusal, file=sys.stderr)
    sys.exit(HALT)
