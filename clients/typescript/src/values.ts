/** JavaScript values to the contract's FieldValue, and back. */

import { create, isMessage } from "@bufbuild/protobuf";
import { NullValue } from "@bufbuild/protobuf/wkt";
import { FieldValueSchema, type FieldValue, type RecordReference } from "./contract.js";

/**
 * What a field or a query parameter may be given as.
 *
 * A FieldValue passes unchanged: `decimal()`, `date()`, `reference()` and `nodeId()` make those that no JavaScript type
 * stands for.
 */
export type FieldInput =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | FieldValue
  | readonly FieldInput[];

/** Values by name of a field or a parameter; those that are undefined are left out. */
export type FieldInputs = Readonly<Record<string, FieldInput | undefined>>;

/** What a FieldValue holds, as JavaScript has it. */
export type FieldOutput = null | boolean | number | bigint | string | Uint8Array | RecordReference | FieldOutput[];

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL = /^-?[0-9]+([.][0-9]+)?$/;
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;

/**
 * The FieldValue of a JavaScript value.
 *
 * Whole numbers become int64 and others double; a Date becomes a dateTime in UTC; null writes null.
 *
 * @throws RangeError if a number is not finite or not exact, a bigint needs more than 64 bits, or a Date is invalid.
 * @throws TypeError if a list holds a list.
 */
export function value(input: FieldInput): FieldValue {
  if (input === null) {
    return fieldValue({ case: "nullValue", value: NullValue.NULL_VALUE });
  }
  switch (typeof input) {
    case "boolean":
      return fieldValue({ case: "boolValue", value: input });
    case "number":
      return fromNumber(input);
    case "bigint":
      return fromBigInt(input);
    case "string":
      return fieldValue({ case: "stringValue", value: input });
    default:
      return fromObject(input);
  }
}

/**
 * The `fields` of a record or the `parameters` of a query.
 *
 * A key whose value is undefined is left out: an absent field keeps its value, null sets it to null.
 *
 * @throws what `value` throws, with the key in the message.
 */
export function values(inputs: FieldInputs): Record<string, FieldValue> {
  const entries: [string, FieldValue][] = [];
  for (const [name, input] of Object.entries(inputs)) {
    if (input === undefined) {
      continue;
    }
    try {
      entries.push([name, value(input)]);
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) {
        error.message = `${name}: ${error.message}`;
      }
      throw error;
    }
  }
  return Object.fromEntries(entries);
}

/**
 * A decimal number as text, which reaches Salesforce digit for digit: use it for money and above 15 digits.
 *
 * @throws RangeError if the text is not digits with an optional sign and fraction, at most 64 characters.
 */
export function decimal(text: string): FieldValue {
  if (text.length > 64 || !DECIMAL.test(text)) {
    throw new RangeError("a decimal is digits with an optional sign and fraction, for example -12.50");
  }
  return fieldValue({ case: "decimalValue", value: text });
}

/**
 * A date, `2026-03-01`.
 *
 * @throws RangeError if the text is not of that form.
 */
export function date(text: string): FieldValue {
  if (!DATE.test(text)) {
    throw new RangeError("a date is written as 2026-03-01");
  }
  return fieldValue({ case: "dateValue", value: text });
}

/**
 * A lookup given by external id; the field it is given for is the relationship, for example `Account` or `Parent__r`.
 *
 * @param object the sObject, needed only where the lookup is polymorphic.
 */
export function reference(field: string, externalId: string, object = ""): FieldValue {
  return create(FieldValueSchema, {
    kind: { case: "referenceValue", value: { externalId: { field, value: externalId }, object } },
  });
}

/** In ComposeRecords: the id of the record that the node of this name writes. The service refuses it everywhere else. */
export function nodeId(name: string): FieldValue {
  return fieldValue({ case: "nodeValue", value: name });
}

/**
 * The JavaScript value of a FieldValue.
 *
 * Decimals, dates and dateTimes stay text, so that nothing is lost; an int64 is a number if that is exact, else a bigint.
 *
 * @throws TypeError if no kind is set.
 */
export function fromValue(field: FieldValue): FieldOutput {
  const { kind } = field;
  switch (kind.case) {
    case undefined:
      throw new TypeError("the FieldValue has no kind set");
    case "nullValue":
      return null;
    case "int64Value":
      return isSafe(kind.value) ? Number(kind.value) : kind.value;
    case "listValue":
      return kind.value.values.map(fromValue);
    default:
      return kind.value;
  }
}

function fieldValue(kind: FieldValue["kind"]): FieldValue {
  return create(FieldValueSchema, { kind });
}

function fromNumber(input: number): FieldValue {
  if (Number.isSafeInteger(input)) {
    return fieldValue({ case: "int64Value", value: BigInt(input) });
  }
  if (!Number.isFinite(input) || Number.isInteger(input)) {
    throw new RangeError("a number must be finite and exact: use a bigint or decimal() above 2^53");
  }
  return fieldValue({ case: "doubleValue", value: input });
}

function fromBigInt(input: bigint): FieldValue {
  if (input < INT64_MIN || input > INT64_MAX) {
    throw new RangeError("a bigint must fit 64 bits: use decimal() for more digits");
  }
  return fieldValue({ case: "int64Value", value: input });
}

function fromObject(input: Uint8Array | Date | FieldValue | readonly FieldInput[]): FieldValue {
  if (input instanceof Uint8Array) {
    return fieldValue({ case: "bytesValue", value: new Uint8Array(input) });
  }
  if (input instanceof Date) {
    return fieldValue({ case: "datetimeValue", value: input.toISOString() });
  }
  if (isMessage(input, FieldValueSchema)) {
    return input;
  }
  if (Array.isArray(input)) {
    return fromList(input);
  }
  throw new TypeError("a field takes null, boolean, number, bigint, string, bytes, Date, FieldValue or a list of them");
}

function fromList(inputs: readonly FieldInput[]): FieldValue {
  const items = inputs.map((input) => value(input));
  if (items.some((item) => item.kind.case === "listValue")) {
    throw new TypeError("lists do not nest");
  }
  return create(FieldValueSchema, { kind: { case: "listValue", value: { values: items } } });
}

function isSafe(input: bigint): boolean {
  return input >= BigInt(Number.MIN_SAFE_INTEGER) && input <= BigInt(Number.MAX_SAFE_INTEGER);
}
