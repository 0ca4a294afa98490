/** Writes of records as values: the operations of ApplyRecords, the nodes of ComposeRecords, how they are written. */

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  RecordNodeSchema,
  RecordOperationSchema,
  RecordRefSchema,
  WriteOptionsSchema,
  type Record as FoundRecord,
  type RecordNode,
  type RecordOperation,
  type RecordRef,
  type WriteOptions,
} from "./contract.js";
import { fromValue, values, type FieldInputs, type FieldOutput } from "./values.js";

/** A field that identifies a record from outside Salesforce, with its value. */
export interface ExternalKey {
  /** API name of the external-id field, for example `Ext__c`. */
  readonly field: string;
  /** The external id. */
  readonly value: string;
}

/** How records are written. What is left out is as the org's defaults have it. */
export interface WriteSettings {
  /** Writes records that a duplicate rule of the kind that alerts would refuse. Rules that block still refuse. */
  readonly allowDuplicates?: boolean;
  /** Lets duplicate rules see only what the org's user may see. */
  readonly duplicateRulesAsCurrentUser?: boolean;
  /** Runs no assignment rule for Cases and Leads, not even the active one. */
  readonly skipAssignmentRule?: boolean;
  /** Id of the assignment rule to run for Cases and Leads instead of the active one. */
  readonly assignmentRuleId?: string;
  /**
   * How long a record may be held back so that it leaves in a fuller call when the org's API calls run short, in
   * milliseconds. 0 is never to wait; a minute is the most.
   */
  readonly maxWaitMs?: number;
}

/** Names a record: by its Salesforce id, 15 or 18 characters, or by external id. */
export function recordRef(object: string, key: string | ExternalKey): RecordRef {
  return create(RecordRefSchema, {
    object,
    key: typeof key === "string" ? { case: "id", value: key } : { case: "externalId", value: { ...key } },
  });
}

/**
 * The operations that ApplyRecords and ComposeRecords take.
 *
 * Fields are as `values` takes them, and each function throws what `values` throws.
 */
export const operations = {
  /** Creates a record. */
  create(object: string, fields: FieldInputs = {}): RecordOperation {
    return operation({ case: "create", value: { object, fields: values(fields) } });
  },
  /** Updates a record that exists. */
  update(record: RecordRef, fields: FieldInputs): RecordOperation {
    return operation({ case: "update", value: { record, fields: values(fields) } });
  },
  /** Creates a record, or updates the one that has the external id; with `updateOnly` it creates none. */
  upsert(
    object: string,
    externalId: ExternalKey,
    fields: FieldInputs = {},
    { updateOnly = false }: { readonly updateOnly?: boolean } = {},
  ): RecordOperation {
    const value = { object, externalId: { ...externalId }, fields: values(fields), updateOnly };
    return operation({ case: "upsert", value });
  },
  /** Moves a record to the recycle bin. */
  delete(record: RecordRef): RecordOperation {
    return operation({ case: "delete", value: { record } });
  },
} as const;

/** One write of an atomic graph; other nodes refer to its record by `nodeId(name)`. */
export function node(name: string, what: RecordOperation): RecordNode {
  return create(RecordNodeSchema, { name, operation: what });
}

/**
 * The `options` of a write.
 *
 * @throws RangeError if an assignment rule is both named and skipped, or the longest wait is not finite.
 */
export function writeOptions(settings: WriteSettings): WriteOptions {
  const { allowDuplicates = false, duplicateRulesAsCurrentUser = false } = settings;
  const { skipAssignmentRule = false, assignmentRuleId = "", maxWaitMs } = settings;
  if (skipAssignmentRule && assignmentRuleId !== "") {
    throw new RangeError("give assignmentRuleId or skipAssignmentRule, and not both");
  }
  if (maxWaitMs !== undefined && !Number.isFinite(maxWaitMs)) {
    throw new RangeError("maxWaitMs must be milliseconds from 0 to 60000");
  }
  return create(WriteOptionsSchema, {
    allowDuplicates,
    duplicateRulesAsCurrentUser,
    ...(skipAssignmentRule && { assignment: { case: "skipAssignmentRule", value: true } }),
    ...(assignmentRuleId !== "" && { assignment: { case: "assignmentRuleId", value: assignmentRuleId } }),
    ...(maxWaitMs !== undefined && { maxWait: durationFromMs(Math.round(maxWaitMs)) }),
  });
}

/** The fields of a record that was read, by name, as `fromValue` gives them; null fields are there. */
export function recordFields(record: FoundRecord): { [name: string]: FieldOutput } {
  return Object.fromEntries(Object.entries(record.fields).map(([name, field]) => [name, fromValue(field)]));
}

type What = NonNullable<Parameters<typeof create<typeof RecordOperationSchema>>[1]>["operation"];

function operation(what: NonNullable<What>): RecordOperation {
  return create(RecordOperationSchema, { operation: what });
}
