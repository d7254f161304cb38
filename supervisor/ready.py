"""Ask the portal whether it answers."""

from __future__ import annotations

import http.client


def web_answers(host: str, port: int) -> bool:
    """Return whether /healthz on ``host``:``port`` says that all is well.

    A 400 counts too: it is Django's answer where STRATA_ALLOWED_HOSTS leaves this address out.
    """
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status in {200, 400}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
