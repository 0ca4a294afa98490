import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  connect,
  date,
  decimal,
  ErrorReason,
  node,
  nodeId,
  operations,
  recordFields,
  recordRef,
  RecordSchema,
  RecordService,
  values,
  writeOptions,
  type ApplyRecordsRequest,
  type ComposeRecordsRequest,
} from "../src/index.js";
import { serve } from "./support/server.js";

const LEAD_ID = "00Q000000000001AAA";

test("a record is named by its id or by external id", () => {
  assert.deepEqual({ case: "id", value: LEAD_ID }, recordRef("Lead", LEAD_ID).key);
  const { key } = recordRef("Lead", { field: "Ext__c", value: "L-1" });
  assert.ok(key.case === "externalId");
  assert.deepEqual(["Ext__c", "L-1"], [key.value.field, key.value.value]);
});

test("operations of every kind go up in their order, and each gets its own result", async (context) => {
  let received: ApplyRecordsRequest | undefined;
  const url = await serve(context, (router) =>
    router.service(RecordService, {
      applyRecords(request) {
        received = request;
        return {
          results: [
            { outcome: { case: "saved", value: { recordId: "001", created: true } } },
            { outcome: { case: "error", value: { reason: ErrorReason.RECORD_NOT_FOUND, fields: ["Id"] } } },
          ],
        };
      },
    }),
  );
  const service = connect(url);
  context.after(() => service.close());

  const { results } = await service.records.applyRecords({
    org: "prod",
    operations: [
      operations.create("Account", { Name: "Acme", Phone: undefined }),
      operations.update(recordRef("Lead", LEAD_ID), { Fax: null }),
      operations.upsert("Lead", { field: "Ext__c", value: "L-1" }, { LastName: "Curie" }, { updateOnly: true }),
      operations.delete(recordRef("Lead", { field: "Ext__c", value: "L-2" })),
    ],
    options: writeOptions({ allowDuplicates: true }),
    requestId: "r-1",
  });

  assert.ok(received);
  const [created, updated, upserted, deleted] = received.operations.map(({ operation }) => operation);
  assert.ok(created?.case === "create" && updated?.case === "update");
  assert.ok(upserted?.case === "upsert" && deleted?.case === "delete");
  assert.deepEqual(["prod", "r-1", true], [received.org, received.requestId, received.options?.allowDuplicates]);
  assert.deepEqual(["Account", ["Name"]], [created.value.object, Object.keys(created.value.fields)]);
  assert.deepEqual([LEAD_ID, "nullValue"], [updated.value.record?.key.value, updated.value.fields["Fax"]?.kind.case]);
  assert.deepEqual(["L-1", true], [upserted.value.externalId?.value, upserted.value.updateOnly]);
  assert.equal("externalId", deleted.value.record?.key.case);
  assert.deepEqual(
    ["saved", "error"],
    results.map(({ outcome }) => outcome.case),
  );
});

test("a graph refers to the records of its own nodes", async (context) => {
  let received: ComposeRecordsRequest | undefined;
  const url = await serve(context, (router) =>
    router.service(RecordService, {
      composeRecords(request) {
        received = request;
        return { records: [{ recordId: "003" }, { recordId: "001", created: true }] };
      },
    }),
  );
  const service = connect(url);
  context.after(() => service.close());

  const { records } = await service.records.composeRecords({
    nodes: [
      node("con", operations.create("Contact", { LastName: "Curie", AccountId: nodeId("acc") })),
      node("acc", operations.create("Account", { Name: "Acme" })),
    ],
  });

  const first = received?.nodes[0]?.operation?.operation;
  assert.ok(first?.case === "create");
  assert.deepEqual({ case: "nodeValue", value: "acc" }, first.value.fields["AccountId"]?.kind);
  assert.deepEqual(
    ["003", "001"],
    records.map(({ recordId }) => recordId),
  );
});

test("options say what is asked for and nothing else", () => {
  const nothing = writeOptions({});
  const chosen = writeOptions({ assignmentRuleId: "01Q000000000001", maxWaitMs: 1_500 });

  assert.deepEqual([false, undefined, undefined], [nothing.allowDuplicates, nothing.assignment.case, nothing.maxWait]);
  assert.deepEqual({ case: "assignmentRuleId", value: "01Q000000000001" }, chosen.assignment);
  assert.deepEqual([1n, 500_000_000], [chosen.maxWait?.seconds, chosen.maxWait?.nanos]);
  assert.equal("skipAssignmentRule", writeOptions({ skipAssignmentRule: true }).assignment.case);
  assert.equal(0n, writeOptions({ maxWaitMs: 0 }).maxWait?.seconds);
});

test("options that make no sense are refused", () => {
  assert.throws(() => writeOptions({ skipAssignmentRule: true, assignmentRuleId: "01Q" }), /not both/);
  for (const maxWaitMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => writeOptions({ maxWaitMs }), { name: "RangeError", message: /^maxWaitMs must be/ });
  }
});

test("a record's fields are read as JavaScript has them, nulls included", () => {
  const record = create(RecordSchema, {
    object: "Lead",
    recordId: LEAD_ID,
    fields: values({
      LastName: "Curie",
      Fax: null,
      NumberOfEmployees: 7,
      AnnualRevenue: decimal("12345678901234567.80"),
      Birthdate__c: date("1867-11-07"),
      Tags__c: ["a", "b"],
      Big__c: 2n ** 60n,
    }),
  });

  assert.deepEqual(
    {
      LastName: "Curie",
      Fax: null,
      NumberOfEmployees: 7,
      AnnualRevenue: "12345678901234567.80",
      Birthdate__c: "1867-11-07",
      Tags__c: ["a", "b"],
      Big__c: 2n ** 60n,
    },
    recordFields(record),
  );
});
