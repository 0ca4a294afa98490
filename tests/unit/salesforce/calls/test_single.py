"""Writes as calls of their own."""

from decimal import Decimal

import pytest

from service import errors
from service.salesforce.calls import single
from service.salesforce.calls.writes import (
    DEFAULT_OPTIONS,
    ExternalKey,
    JsonValue,
    Operation,
    Saved,
    Write,
    WriteOptions,
)
from tests.support.transport import answer, fault

BASE = "/services/data/v66.0"
ID = "001000000000001AAA"
SHORT_ID = "001000000000001"
KEY = ExternalKey("Ext__c", "a/b % +ü.x")
ENCODED = "a%2Fb%20%25%20%2B%C3%BC.x"
CREATE = Write(Operation.CREATE, "Account", {"Name": "x"})
UPDATE = Write(Operation.UPDATE, "Account", {"Name": "x"}, record_id=ID)
UPDATE_BY_KEY = Write(Operation.UPDATE, "Account", {"Name": "x"}, key=KEY)
UPSERT = Write(Operation.UPSERT, "Account", {"Name": "x"}, key=KEY)
DELETE = Write(Operation.DELETE, "Account", record_id=ID)
DELETE_BY_KEY = Write(Operation.DELETE, "Account", key=KEY)


@pytest.mark.parametrize(
    ("write", "method", "path", "template", "body", "repeatable"),
    [
        (CREATE, "POST", "Account", "{sobject}", b'{"Name":"x"}', False),
        (UPDATE, "PATCH", f"Account/{ID}", "{sobject}/{id}", b'{"Name":"x"}', True),
        (
            UPDATE_BY_KEY,
            "PATCH",
            f"Account/Ext__c/{ENCODED}?updateOnly=true",
            "{sobject}/{field}/{value}",
            b'{"Name":"x"}',
            True,
        ),
        (UPSERT, "PATCH", f"Account/Ext__c/{ENCODED}", "{sobject}/{field}/{value}", b'{"Name":"x"}', True),
        (DELETE, "DELETE", f"Account/{ID}", "{sobject}/{id}", b"", True),
        (DELETE_BY_KEY, "DELETE", f"Account/Ext__c/{ENCODED}", "{sobject}/{field}/{value}", b"", True),
    ],
)
def test_each_write_is_a_call(write, method, path, template, body, repeatable):
    """Every kind of write has its method and path; only a creation may not be sent twice."""
    request = single.single(BASE, write, DEFAULT_OPTIONS)

    assert (method, f"{BASE}/sobjects/{path}", f"{BASE}/sobjects/{template}", body, repeatable, {}) == (
        request.method,
        request.path,
        request.template,
        request.body,
        request.repeatable,
        request.headers,
    )


def test_the_key_travels_in_the_path_only():
    """The external id is left out of the body however it is spelled, and numbers keep every digit."""
    values: dict[str, JsonValue] = {"ext__C": "7", "Amount": Decimal("12345678901234567.80")}
    write = Write(Operation.UPSERT, "Account", values, key=ExternalKey("Ext__c", "7"))

    assert b'{"Amount":12345678901234567.80}' == single.single(BASE, write, DEFAULT_OPTIONS).body


def test_options_are_headers():
    """Options go with what is written; a deletion has none."""
    options = WriteOptions(allow_duplicates=True, assignment="FALSE")

    headers = single.single(BASE, CREATE, options).headers

    assert {"Sforce-Duplicate-Rule-Header": "allowSave=true", "Sforce-Auto-Assign": "FALSE"} == headers
    assert {} == single.single(BASE, DELETE, options).headers


@pytest.mark.parametrize(
    ("write", "response", "saved"),
    [
        (CREATE, answer(201, {"id": SHORT_ID, "success": True, "errors": []}), Saved(ID, created=True)),
        (UPDATE, answer(204), Saved(ID)),
        (UPDATE_BY_KEY, answer(200, {"id": ID, "success": True, "errors": [], "created": False}), Saved(ID)),
        (UPSERT, answer(201, {"id": ID, "success": True, "created": True}), Saved(ID, created=True)),
        (UPSERT, answer(200, {"id": ID, "success": True, "created": False}), Saved(ID)),
        (DELETE, answer(204), Saved(ID)),
        (DELETE, fault(404, "ENTITY_IS_DELETED", "entity is deleted"), Saved(ID, already_deleted=True)),
        (DELETE_BY_KEY, answer(204), Saved("")),
        (DELETE_BY_KEY, fault(404, "NOT_FOUND", "no such"), Saved("", already_deleted=True)),
        (DELETE_BY_KEY, fault(404, "ENTITY_IS_DELETED", "gone"), Saved("", already_deleted=True)),
    ],
)
def test_what_was_written(write, response, saved):
    """Success is told with the long id; a deletion that finds nothing is done."""
    assert saved == single.read_single(response, write, org="prod")


@pytest.mark.parametrize(
    ("write", "response", "kind", "metadata"),
    [
        (CREATE, fault(404, "NOT_FOUND"), errors.UnknownObject, {"object": "Account"}),
        (UPSERT, fault(404, "NOT_FOUND"), errors.UnknownObject, {"external_id_field": "Ext__c"}),
        (UPDATE_BY_KEY, fault(404, "NOT_FOUND"), errors.RecordNotFound, {"external_id_field": "Ext__c"}),
        (UPDATE, fault(404, "NOT_FOUND"), errors.RecordNotFound, {"object": "Account", "id": ID}),
        (UPDATE, fault(404, "ENTITY_IS_DELETED"), errors.RecordDeleted, {"id": ID}),
        (DELETE, fault(404, "NOT_FOUND"), errors.RecordNotFound, {"id": ID}),
        (UPSERT, answer(300, [f"{BASE}/sobjects/Account/{ID}"]), errors.AmbiguousExternalId, {"record_ids": ID}),
        (CREATE, fault(400, "UNABLE_TO_LOCK_ROW"), errors.RowLocked, {}),
        (CREATE, answer(201, {"success": True}), errors.OutcomeUnknown, {"org": "prod"}),
        (CREATE, answer(201, {"id": "../../etc", "success": True}), errors.OutcomeUnknown, {}),
        (UPSERT, answer(200, {"success": True}), errors.UpstreamProtocolError, {}),
        (CREATE, answer(503), errors.UpstreamUnavailable, {"http_status": "503"}),
    ],
)
def test_why_it_was_not(write, response, kind, metadata):
    """A failure is a value of its documented class that says what was asked for."""
    outcome = single.read_single(response, write, org="prod")

    assert kind is type(outcome)
    assert isinstance(outcome, errors.SluicegateError)
    assert metadata.items() <= outcome.metadata.items()


def test_a_duplicate_rule_is_named():
    """The rule that refused a record is told, as a call for one record shows it."""
    body = [{"errorCode": "DUPLICATES_DETECTED", "message": "Use one", "duplicateResult": {"duplicateRule": "Rule"}}]

    outcome = single.read_single(answer(400, body), CREATE, org="prod")

    assert isinstance(outcome, errors.DuplicatesDetected)
    assert "Rule" == outcome.metadata["duplicate_rule"]
