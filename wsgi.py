"""What gunicorn and `flask --app wsgi` load."""

from __future__ import annotations

import sys

from portal import logs
from portal.app import create_app

app = create_app()
if "gunicorn" in sys.modules:  # a command that loads this says itself whether it logs
    logs.setup()
