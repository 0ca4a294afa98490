import assert from "node:assert/strict";
import { test } from "node:test";
import { date, decimal, fromValue, nodeId, reference, value, values, type FieldInput } from "../src/index.js";

test("each JavaScript type has its kind of FieldValue", () => {
  const kinds = [null, true, 5, 5.5, 5n, "five", new Uint8Array([5]), new Date(0), [5]].map(
    (input) => value(input).kind.case,
  );

  assert.deepEqual(
    [
      "nullValue",
      "boolValue",
      "int64Value",
      "doubleValue",
      "int64Value",
      "stringValue",
      "bytesValue",
      "datetimeValue",
      "listValue",
    ],
    kinds,
  );
});

test("values come back as they went in", () => {
  const inputs = [null, false, 0, -7, 0.1, 2n ** 62n, "", "O'Neil \u{1f30d}", new Uint8Array([0, 255]), ["a", null, 3]];

  const outputs = inputs.map((input) => fromValue(value(input as FieldInput)));

  assert.deepEqual(inputs, outputs);
});

test("decimals, dates and instants stay text", () => {
  const outputs = [decimal("12345678901234.560"), date("2026-03-01"), value(new Date(0))].map(fromValue);

  assert.deepEqual(["12345678901234.560", "2026-03-01", "1970-01-01T00:00:00.000Z"], outputs);
});

test("a reference names the record by external id", () => {
  const made = reference("Ext__c", "A-1", "Account").kind;

  assert.ok(made.case === "referenceValue");
  assert.deepEqual(
    ["Ext__c", "A-1", "Account"],
    [made.value.externalId?.field, made.value.externalId?.value, made.value.object],
  );
});

test("the id of a node's record names the node", () => {
  assert.deepEqual({ case: "nodeValue", value: "acc" }, nodeId("acc").kind);
});

for (const [name, input] of [
  ["not a number", Number.NaN],
  ["infinity", Number.POSITIVE_INFINITY],
  ["an inexact whole number", 2 ** 53],
  ["a bigint of 65 bits", 2n ** 63n],
  ["an invalid Date", new Date(Number.NaN)],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(() => value(input), RangeError);
  });
}

test("a list in a list is refused", () => {
  assert.throws(() => value([1, [2]]), { name: "TypeError", message: "lists do not nest" });
});

test("what only looks like a decimal or a date is refused", () => {
  for (const text of ["", "1.", ".5", "1e9", "+1", "1,5", "9".repeat(65), "1\n"]) {
    assert.throws(() => decimal(text), RangeError, text);
  }
  for (const text of ["", "2026-3-1", "2026-03-01T00:00:00Z"]) {
    assert.throws(() => date(text), RangeError, text);
  }
});

test("an undefined field is left out and null is kept", () => {
  const fields = values({ Phone: undefined, Fax: null, LastName: "Curie" });

  assert.deepEqual(["Fax", "LastName"], Object.keys(fields));
});

test("a refusal names the field", () => {
  assert.throws(() => values({ AnnualRevenue: Number.NaN }), /^RangeError: AnnualRevenue: /);
});
