"""The link host as a browser meets it: requests as they are written, and answers that are not followed."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientSession
from yarl import URL

from service.app import Addresses, App
from tests.support.browser import IPHONE


@dataclass(frozen=True, slots=True)
class Answer:
    """What the link server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def goes_to(self) -> str | None:
        """Where it sends the browser."""
        return self.headers.get("Location")


async def ask(
    http: ClientSession, app: App, target: str, user_agent: str = IPHONE, *, method: str = "GET", **headers: str
) -> Answer:
    """Ask the link server for something, as it is written here, and read the answer."""
    links = addresses(app).links
    assert links is not None
    url = URL(links + target, encoded=True)
    told = {"User-Agent": user_agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with http.request(method, url, headers=told, allow_redirects=False) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


def addresses(app: App) -> Addresses:
    """Return where a service is reached."""
    assert app.addresses is not None
    return app.addresses


def target_of(link: str) -> str:
    """Return what a browser asks the link host for."""
    return link.removeprefix("https://links.example.com")
