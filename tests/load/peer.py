"""simple-salesforce on the static upstream."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

from tests.load.processes import Server


class _Plain(HTTPAdapter):
    """Sends in the clear what simple-salesforce insists on addressing with https."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *arguments, **options)


def simple_salesforce(upstream: Server) -> Salesforce:
    """Return a client that is logged in; threads may share it, ten of them without waiting for a connection."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", _Plain())
    host = upstream.addresses["url"].removeprefix("http://")
    return Salesforce(instance=host, session_id="00D!load", version="66.0", session=session)
