/** Calls a running service, whose address is in SLUICEGATE_TARGET, over a real socket. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import {
  AppPresence,
  BulkFormat,
  bulkLoad,
  bulkLoadResults,
  BulkLoadState,
  BulkOperation,
  bulkMessages,
  BulkResults,
  Code,
  connect,
  DeepLinkTargetKind,
  ErrorReason,
  jsonLines,
  node,
  nodeId,
  operations,
  Platform,
  Priority,
  queryRows,
  recordFields,
  recordRef,
  SluicegateError,
  uploadBulkLoad,
  value,
  values,
  watchBulkLoad,
  type BulkLoadFinished,
  type BulkRowResult,
  type FieldInput,
  type Row,
} from "../src/index.js";

const target = process.env["SLUICEGATE_TARGET"];
const skip = target ? false : "SLUICEGATE_TARGET names no running service";

const service = connect(target ?? "http://127.0.0.1:50051");
after(() => service.close());

async function upsertLead(key: string, fields: Record<string, FieldInput>) {
  return await service.records.upsertRecord({
    object: "Lead",
    externalId: { field: "Ext__c", value: key },
    fields: values(fields),
  });
}

async function leads(company: string): Promise<Row[]> {
  const found: Row[] = [];
  const soql = "SELECT Ext__c, LastName, NumberOfEmployees, Phone FROM Lead WHERE Company = :company ORDER BY Ext__c";
  for await (const row of queryRows(service.queries, { soql, parameters: { company: value(company) } })) {
    found.push(row);
  }
  return found;
}

async function reasonOf(call: Promise<unknown>): Promise<SluicegateError> {
  const failure = await call.catch((thrown: unknown) => thrown);
  const error = SluicegateError.from(failure);
  assert.ok(error, String(failure));
  return error;
}

test("an upsert creates, then updates, and a query with a parameter reads what was written", { skip }, async () => {
  const company = `O'Brien & Söhne \u{1f680} ${randomUUID()}`;
  const key = `L-${randomUUID()}`;

  const first = await upsertLead(key, { LastName: "Skłodowska", Company: company, NumberOfEmployees: 7, Phone: "1" });
  const second = await upsertLead(key, { LastName: "Curie", Company: company, Phone: null });
  const found = await leads(company);

  assert.deepEqual([true, false], [first.created, second.created]);
  assert.match(first.recordId, /^00Q[A-Za-z0-9]{15}$/);
  assert.equal(first.recordId, second.recordId);
  assert.deepEqual([{ Ext__c: key, LastName: "Curie", NumberOfEmployees: 7, Phone: null }], found);
});

test("a missing field is refused with its reason and its name", { skip }, async () => {
  const error = await reasonOf(upsertLead(`L-${randomUUID()}`, { Company: "Acme" }));

  assert.equal(ErrorReason.REQUIRED_FIELD_MISSING, error.reason);
  assert.equal(Code.InvalidArgument, error.code);
  assert.match(error.metadata["fields"] ?? "", /LastName/);
});

test("a record is created, read, updated and deleted", { skip }, async () => {
  const key = { field: "Ext__c", value: `L-${randomUUID()}` };
  const { records } = service;

  const fields = values({ Ext__c: key.value, LastName: "Skłodowska", Company: "Acme", NumberOfEmployees: 7 });
  const { recordId } = await records.createRecord({ object: "Lead", fields });
  await records.updateRecord({ record: recordRef("Lead", key), fields: values({ LastName: "Curie", Company: "Radium" }) });
  const { record } = await records.getRecord({ record: recordRef("Lead", recordId) });
  const first = await records.deleteRecord({ record: recordRef("Lead", recordId) });
  const second = await records.deleteRecord({ record: recordRef("Lead", recordId) });
  const error = await reasonOf(records.getRecord({ record: recordRef("Lead", recordId) }));

  assert.ok(record);
  const { LastName, Company, NumberOfEmployees, Fax } = recordFields(record);
  assert.deepEqual(["Curie", "Radium", 7, null], [LastName, Company, NumberOfEmployees, Fax]);
  assert.deepEqual([false, true], [first.alreadyDeleted, second.alreadyDeleted]);
  assert.equal(Code.NotFound, error.code);
});

test("of several operations each has its own result", { skip }, async () => {
  const company = `Apply ${randomUUID()}`;
  const lead = (name: string | undefined) => operations.create("Lead", { LastName: name, Company: company });

  const { results } = await service.records.applyRecords({
    operations: [lead("Curie"), lead(undefined), operations.create("Account", { Name: company }), lead("Meitner")],
  });

  const [first, second] = results.map(({ outcome }) => outcome);
  assert.deepEqual(["saved", "error", "saved", "saved"], results.map(({ outcome }) => outcome.case));
  assert.ok(first?.case === "saved" && second?.case === "error");
  assert.equal(true, first.value.created);
  assert.deepEqual([ErrorReason.REQUIRED_FIELD_MISSING, ["LastName"]], [second.value.reason, second.value.fields]);
  assert.equal(2, (await leads(company)).length);
});

test("a graph is written whole or not at all", { skip }, async () => {
  const account = node("acc", operations.create("Account", { Name: `Compose ${randomUUID()}` }));
  const contact = (name: string | undefined) =>
    node("con", operations.create("Contact", { LastName: name, AccountId: nodeId("acc") }));

  const { records: saved } = await service.records.composeRecords({ nodes: [contact("Curie"), account] });
  const error = await reasonOf(service.records.composeRecords({ nodes: [account, contact(undefined)] }));
  const { record } = await service.records.getRecord({ record: recordRef("Contact", saved[0]?.recordId ?? "") });

  assert.equal(saved[1]?.recordId, record && recordFields(record)["AccountId"]);
  assert.deepEqual([ErrorReason.REQUIRED_FIELD_MISSING, "con"], [error.reason, error.metadata["node"]]);
});

test("a request id lets a creation be repeated without a second record", { skip }, async () => {
  const company = `Once ${randomUUID()}`;
  const request = {
    object: "Lead",
    fields: values({ LastName: "Curie", Company: company }),
    requestId: randomUUID(),
  };

  const first = await service.records.createRecord(request);
  const second = await service.records.createRecord(request);

  assert.equal(first.recordId, second.recordId);
  assert.equal(1, (await leads(company)).length);
});

test("a query that does not parse says where", { skip }, async () => {
  const error = await reasonOf(queryRows(service.queries, { soql: "SELECT FROM Lead" }).next());

  assert.equal(ErrorReason.MALFORMED_QUERY, error.reason);
  assert.equal("1", error.metadata["row"]);
});

test("a signed link resolves to the record on a device with the app", { skip }, async () => {
  const { recordId } = await upsertLead(`L-${randomUUID()}`, { LastName: "Linked", Company: "Acme" });
  const record = { object: "Lead", key: { case: "id", value: recordId } } as const;

  const { url } = await service.deepLinks.createDeepLink({ record });
  const resolved = await service.deepLinks.resolveDeepLink({
    source: { case: "url", value: url },
    device: { platform: Platform.IOS, app: AppPresence.INSTALLED },
  });

  assert.equal(recordId, resolved.record?.key.value);
  const lightning = resolved.targets.find(({ kind }) => kind === DeepLinkTargetKind.LIGHTNING);
  assert.match(lightning?.uri ?? "", new RegExp(recordId));
  assert.ok(resolved.targets.some(({ uri }) => uri === resolved.fallbackUri));
});

test("a link that was altered is refused", { skip }, async () => {
  const record = { object: "Lead", key: { case: "id", value: "00Q000000000001AAA" } } as const;
  const { url } = await service.deepLinks.createDeepLink({ record });

  const altered = url.replace("o=Lead", "o=Case");
  const error = await reasonOf(service.deepLinks.resolveDeepLink({ source: { case: "url", value: altered } }));

  assert.notEqual(url, altered);
  assert.equal(ErrorReason.INVALID_LINK, error.reason);
});

test("an app that was installed from a link claims it once", { skip }, async () => {
  const record = { object: "Lead", key: { case: "id", value: "00Q000000000001AAA" } } as const;
  const device = { platform: Platform.ANDROID, app: AppPresence.MISSING };
  const { results } = await service.deepLinks.createDeepLinks({
    requests: [{ record, action: "edit" }, { record, provider: "nope" }],
  });
  const [made, failed] = results.map(({ outcome }) => outcome);
  assert.equal("link", made?.case);
  assert.equal("error", failed?.case);
  assert.deepEqual(["provider"], failed?.case === "error" ? failed.value.fields : []);
  const url = made?.case === "link" ? made.value.url : "";
  const { deferredToken, targets } = await service.deepLinks.resolveDeepLink({ source: { case: "url", value: url }, device });

  const claim = { source: { case: "token", value: deferredToken }, device, requestId: randomUUID() } as const;
  const claimed = await service.deepLinks.claimDeepLink(claim);
  const again = await service.deepLinks.claimDeepLink(claim);
  const error = await reasonOf(service.deepLinks.claimDeepLink({ ...claim, requestId: "" }));

  assert.ok(targets.some(({ uri }) => uri.includes(encodeURIComponent(deferredToken))));
  assert.equal("edit", claimed.action);
  assert.deepEqual(claimed, again);
  assert.equal(ErrorReason.CLAIM_USED, error.reason);
});

test("a bulk load reports every row under its own number", { skip }, async () => {
  const company = `Bulk ${randomUUID()}`;
  const rows = Array.from({ length: 500 }, (_, index) => ({
    Ext__c: `${company}-${String(index).padStart(3, "0")}`,
    Company: company,
    ...(index % 100 === 99 ? {} : { LastName: `Łódź "${index}",\nsecond line` }),
  }));
  const header = {
    object: "Lead",
    operation: BulkOperation.UPSERT,
    externalIdField: "Ext__c",
    format: BulkFormat.JSON_LINES,
    results: BulkResults.FAILURES,
    keepResults: true,
  };
  const failed: BulkRowResult[] = [];
  let token = "";
  let finished: BulkLoadFinished | undefined;

  for await (const { event } of service.bulk.bulkLoad(bulkMessages(header, jsonLines(rows)), { timeoutMs: 60_000 })) {
    if (event.case === "accepted") {
      token = event.value.load?.resumeToken ?? "";
    } else if (event.case === "results") {
      failed.push(...event.value.rows);
    } else if (event.case === "finished") {
      finished = event.value;
    }
  }
  const { load } = await service.bulk.getBulkLoad({ resumeToken: token });
  const found = await leads(company);

  assert.deepEqual([500, 495, 5], [finished?.rowsReceived, finished?.rowsCreated, finished?.rowsFailed]);
  assert.deepEqual([100, 200, 300, 400, 500], failed.map(({ row }) => row).sort((a, b) => a - b));
  assert.deepEqual(
    [ErrorReason.REQUIRED_FIELD_MISSING],
    [...new Set(failed.map(({ error }) => error?.reason))],
  );
  assert.equal(BulkLoadState.COMPLETE, load?.state);
  assert.equal(495, found.length);
  assert.equal('Łódź "0",\nsecond line', found[0]?.["LastName"]);
});

test("an insert that was left goes on by its token, and every row is there once", { skip }, async () => {
  const company = `Resumed ${randomUUID()}`;
  const text = `LastName,Company\n${Array.from({ length: 300 }, (_, index) => `N${index},${company}\n`).join("")}`;
  const header = { object: "Lead", operation: BulkOperation.INSERT, results: BulkResults.ALL, keyColumn: "LastName" };
  let resumeToken = "";
  const storeToken = (token: string): void => void (resumeToken = token);

  for (const last of ["accepted", "prepared", "partDone"]) {
    for await (const { event } of bulkLoad(service.bulk, header, text, { storeToken, resumeToken })) {
      if (event.case === last) break;
    }
  }
  const rows: BulkRowResult[] = [];
  let finished: BulkLoadFinished | undefined;
  const again = { ...header, repeatResults: true };
  for await (const { event } of bulkLoad(service.bulk, again, new Blob([text]), { storeToken, resumeToken })) {
    if (event.case === "results") rows.push(...event.value.rows);
    if (event.case === "finished") finished = event.value;
  }

  assert.deepEqual([300, 300], [finished?.rowsReceived, finished?.rowsCreated]);
  const told = new Map(rows.map(({ row, key }) => [row, key]));
  assert.deepEqual(Array.from({ length: 300 }, (_, index) => `N${index}`), Array.from({ length: 300 }, (_, index) => told.get(index + 1)));
  assert.equal(300, (await leads(company)).length);
});

test("a load by calls is cut into parts, committed, watched and listed", { skip }, async () => {
  const company = `Called ${randomUUID()}`;
  const lines = Array.from({ length: 200 }, (_, index) => `${index % 50 === 0 ? "" : `"N\n${index}"`},${company},${company}-${index}\n`);
  const text = `LastName,Company,Ext__c\n${lines.join("")}`;
  const header = { object: "Lead", operation: BulkOperation.INSERT, keyColumn: "Ext__c" };
  let parts = 0;

  const { resumeToken } = await uploadBulkLoad(service.bulk, header, text, { partBytes: 5_000, onUpload: () => (parts += 1) });
  const states: BulkLoadState[] = [];
  for await (const { state } of watchBulkLoad(service.bulk, { resumeToken })) {
    states.push(state);
  }
  const results: BulkRowResult[] = [];
  for await (const row of bulkLoadResults(service.bulk, { resumeToken })) {
    results.push(row);
  }

  assert.ok(parts > 2);
  assert.equal(BulkLoadState.COMPLETE, states.at(-1));
  assert.deepEqual(
    [0, 100, 150, 50].map((index) => `${company}-${index}`),
    results.filter(({ error }) => error?.reason === ErrorReason.REQUIRED_FIELD_MISSING).map(({ key }) => key).sort(),
  );
  assert.equal(200, new Set(results.map(({ key }) => key)).size);
  assert.equal(196, (await leads(company)).length);
});

test("bulk data that cannot be read is refused with its row", { skip }, async () => {
  const header = { object: "Lead", operation: BulkOperation.INSERT, format: BulkFormat.CSV };
  const data = ["LastName,Company\n", "Curie,Acme\n", "one cell\n"];

  const read = async (): Promise<void> => {
    for await (const { event } of service.bulk.bulkLoad(bulkMessages(header, data))) {
      assert.notEqual("finished", event.case);
    }
  };
  const error = await reasonOf(read());

  assert.equal(ErrorReason.INVALID_DATA, error.reason);
  assert.equal("2", error.metadata["row"]);
});

test("the limits are those of the org", { skip }, async () => {
  const { limits } = await service.orgs.getLimits({});

  assert.equal("DailyApiRequests", limits?.apiRequests?.name);
  assert.ok((limits?.apiRequests?.remaining ?? 0n) > 0n);
});

test("a watch of the limits tells at once, and costs no call", { skip }, async () => {
  const { limits: before } = await service.orgs.getLimits({ knownOnly: true });

  for await (const { limits } of service.orgs.watchLimits({ interval: { seconds: 60n } }, { timeoutMs: 0 })) {
    assert.equal(before?.governor?.permits, limits?.governor?.permits);
    assert.deepEqual(
      [Priority.INTERACTIVE, Priority.STANDARD, Priority.BATCH],
      limits?.governor?.classes.map(({ priority }) => priority),
    );
    break;
  }
});
