"""Every recorded exchange with a real org, replayed: the emulator's answers have the recorded status and shape."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from service.emulator.record_types import RecordType
from service.emulator.server import Emulator, EmulatorConfig

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "rest"
NAMES = (
    "composite_parallel",
    "count_sobjects_errors",
    "extract_standard_objects",
    "select_and_insert_bulk_v1",
    "updates",
)
RECORD_ID = re.compile(r"\b[a-zA-Z0-9]{5}[a-zA-Z0-9]{10}(?:[A-Z0-9]{3})?\b")
VERSION = "66.0"
POLLS = 100
"""How often at most the state of a batch is asked for."""

ALREADY_THERE: Mapping[str, tuple[tuple[str, Mapping[str, object]], ...]] = {
    "count_sobjects_errors": (("Account", {"Name": "one"}),),
    "extract_standard_objects": tuple(("Account", {"Name": f"Account {n}"}) for n in range(6)),
    "updates": tuple(("Account", {"Name": f"Account {n}"}) for n in range(6)),
    "select_and_insert_bulk_v1": tuple(
        (
            "Account",
            {"Name": f"Account {n}", "Description": "Some Description", "Phone": "12345632", "AccountNumber": "123"},
        )
        for n in range(10)
    ),
}
"""What the recorded org held before; the ids follow from the answers."""

EXCEPTIONS: Mapping[str, str] = {
    "CleanStatus": "Data.com filled it in; an org without Data.com leaves it null",
}
"""Keys that may be null where a recording has a value, and why."""
CLOSED_JOB = (200, "POST", "/services/async/62.0/job")
"""A job's closing, which the recorder kept under the job's creation; sent as that, it is answered with 201."""

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded answers are not on this machine")


def exchanges(name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for entry in json.loads((RECORDINGS / f"{name}.json").read_text()):
        yield entry["request"], entry["response"]


@pytest.fixture
async def emulator(tmp_path_factory):
    """An emulator of its own for each recording."""
    async with Emulator(EmulatorConfig(directory=tmp_path_factory.getbasetemp() / "keys")) as emulator:
        yield emulator


class Replay:
    """Sends recorded requests, its ids and versions replaced, and learns the ids of the answers."""

    def __init__(self, emulator: Emulator, client: httpx.AsyncClient) -> None:
        self._token = emulator.credentials.access_token
        self._client = client
        self._ids: dict[str, str] = {}

    async def send(self, request: Mapping[str, Any]) -> httpx.Response:
        uri = urlsplit(self.ours(request["uri"]))
        body = self.ours(request["body"] or "")
        kind = "application/xml" if body.startswith("<") else "application/json"
        return await self._client.request(
            request["method"],
            f"{uri.path.replace('//', '/')}?{uri.query}",
            content=body,
            headers={
                "Authorization": f"Bearer {self._token}",
                "X-SFDC-Session": self._token,
                "Content-Type": f"{kind};charset=UTF-8",
            },
        )

    def ours(self, text: str) -> str:
        """Put our ids and version in the place of recorded ones."""
        text = re.sub(r"vxx\.0", f"v{VERSION}", text)
        return RECORD_ID.sub(lambda match: self._ids.get(match[0][:15], match[0]), text)

    def learn(self, recorded: object, ours: object) -> None:
        """Note which id of ours stands where the recording has which."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key, value in recorded.items():
                if key.lower() == "id" and isinstance(ours.get(key), str):
                    self._ids[value[:15]] = ours[key]
                else:
                    self.learn(value, ours.get(key))
        elif isinstance(recorded, list) and isinstance(ours, list):
            for theirs, mine in zip(recorded, ours, strict=False):
                if isinstance(theirs, str):
                    self._ids[theirs[:15]] = mine
                self.learn(theirs, mine)


def differences(recorded: object, ours: object, path: str = "$") -> Iterator[str]:
    """Yield where the shape of an answer, its keys and types, is not the recorded one."""
    if isinstance(recorded, dict):
        if not isinstance(ours, dict) or set(recorded) != set(ours):
            yield f"{path}: {list(recorded)} is {list(ours) if isinstance(ours, dict) else ours!r}"
            return
        for key, value in recorded.items():
            yield from differences(value, ours[key], f"{path}.{key}")
    elif isinstance(recorded, list):
        if not isinstance(ours, list):
            yield f"{path}: a list is {ours!r}"
        elif recorded and not ours:
            yield f"{path}: rows are none"
        else:
            for number, (theirs, mine) in enumerate(zip(recorded, ours, strict=False)):
                yield from differences(theirs, mine, f"{path}[{number}]")
    elif ours is None and path.rpartition(".")[2] in EXCEPTIONS:
        return
    elif recorded is not None and type(recorded) is not type(ours):
        yield f"{path}: {recorded!r} is {ours!r}"


def parsed(text: str) -> object:
    """Return JSON, or of XML its tags in order with the children's."""
    if text.startswith("<?xml"):
        return _tags(ET.fromstring(text))
    return json.loads(text)


def _tags(element: ET.Element) -> dict[str, object]:
    return {child.tag.rpartition("}")[2]: child.text or "" for child in element}


@pytest.mark.parametrize("name", NAMES)
async def test_a_recording(name, emulator):
    """Each recorded request, sent to the emulator, is answered with the recorded status and shape."""
    for sobject, values in ALREADY_THERE.get(name, ()):
        emulator.org.create(sobject, values, user_id=emulator.org.admin_id)
    if name == "extract_standard_objects":
        emulator.org.add_record_type(RecordType("Account", "Recorded", "Recorded"))
    wrong: list[str] = []

    async with httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as client:
        replay = Replay(emulator, client)
        for request, response in exchanges(name):
            answer = await replay.send(request)
            for _ in range(POLLS):
                if '"state":"Completed"' not in response["body"] or "Completed" in answer.text:
                    break
                await asyncio.sleep(0.01)
                answer = await replay.send(request)
            told = f"{request['method']} {urlsplit(request['uri']).path}"
            recorded, ours = parsed(response["body"]), parsed(answer.text)
            replay.learn(recorded, ours)
            closed = (response["status"], request["method"], urlsplit(request["uri"]).path) == CLOSED_JOB
            if (201 if closed else response["status"]) != answer.status_code:
                wrong.append(f"{told}: {response['status']} is {answer.status_code} {answer.text[:200]}")
                continue
            wrong += [f"{told} {each}" for each in differences(recorded, ours)]

    assert [] == wrong


def test_all_recordings_are_replayed():
    """No recorded file is left out."""
    assert {path.stem for path in RECORDINGS.glob("*.json")} == set(NAMES)
