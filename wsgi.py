"""What gunicorn and `flask --app wsgi` load."""

from __future__ import annotations

import sys

from portal import starting
from portal.app import create_app

app = create_app()
if "gunicorn" in sys.modules:  # a command that loads this begins by itself
    with app.app_context():
        starting.begin()
