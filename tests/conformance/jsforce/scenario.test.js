// jsforce, unchanged, against an emulator over TLS; run by ../test_jsforce.py, which passes how to log in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import jsforce from "jsforce";

const { Connection, OAuth2 } = jsforce;
const org = JSON.parse(process.env.EMULATOR_CREDENTIALS);
const version = "66.0";
const oauth2 = new OAuth2({
  loginUrl: org.login_url,
  clientId: org.client_id,
  clientSecret: org.client_secret,
  redirectUri: "http://localhost:1717/OauthRedirect",
});

function connect(options = {}) {
  const connection = new Connection({
    instanceUrl: org.instance_url,
    loginUrl: org.login_url,
    accessToken: org.access_token,
    version,
    ...options,
  });
  connection.bulk2.pollInterval = 20;
  connection.bulk2.pollTimeout = 20_000;
  return connection;
}

const many = (count, make) => Array.from({ length: count }, (_, number) => make(number));

test("rows are created, read, changed, upserted and deleted", async () => {
  const accounts = connect().sobject("Account");

  const { id, success } = await accounts.create({ Name: "Acme" });
  assert.equal(success, true);
  assert.equal((await accounts.update({ Id: id, Phone: "1", Ext__c: "J/1" })).success, true);
  assert.equal((await accounts.retrieve(id)).Phone, "1");
  const created = await accounts.upsert({ Ext__c: "J-2", Name: "new" }, "Ext__c");
  const updated = await accounts.upsert({ Ext__c: "J-2", Name: "changed" }, "Ext__c");
  assert.deepEqual([created.created, updated.created], [true, false]);
  assert.equal((await accounts.destroy([id, created.id])).every((row) => row.success), true);
  await assert.rejects(accounts.retrieve(id), { name: "ENTITY_IS_DELETED" });
});

test("collections keep order and report each row", async () => {
  const contacts = connect().sobject("Contact");

  const rows = many(450, (number) => ({ LastName: number === 7 ? "" : `c${number}`, Ext__c: `K-${number}` }));
  const inserted = await contacts.create(rows, { allowRecursive: true });
  assert.deepEqual([inserted.length, inserted.filter((row) => !row.success).length], [450, 1]);
  assert.equal(inserted[7].errors[0].statusCode, "REQUIRED_FIELD_MISSING");
  const upserted = await contacts.upsert(
    [
      { Ext__c: "K-1", LastName: "again" },
      { Ext__c: "K-900", LastName: "new" },
    ],
    "Ext__c",
  );
  assert.deepEqual(upserted.map((row) => row.created), [false, true]);
  const ids = [inserted[0].id, inserted[1].id];
  assert.deepEqual((await contacts.retrieve(ids)).map((row) => row.LastName), ["c0", "again"]);
  const changed = await contacts.update(ids.map((Id) => ({ Id, Phone: "2" })));
  assert.equal(changed.every((row) => row.success), true);
  const all = [...inserted.filter((row) => row.success).map((row) => row.id), upserted[1].id];
  const destroyed = await contacts.destroy(all, { allowRecursive: true });
  assert.equal(destroyed.every((row) => row.success), true);
});

test("queries are followed page by page, and find deleted rows when asked", async () => {
  const connection = connect();
  const leads = many(2100, (number) => ({ LastName: String(number).padStart(4, "0"), Company: "Acme" }));
  const inserted = await connection.sobject("Lead").create(leads, { allowRecursive: true });
  await connection.sobject("Lead").destroy(inserted[0].id);
  const soql = "SELECT LastName FROM Lead ORDER BY LastName";

  const first = await connection.query(soql);
  assert.deepEqual([first.totalSize, first.records.length, first.done], [2099, 2000, false]);
  const rest = await connection.queryMore(first.nextRecordsUrl);
  assert.deepEqual([rest.totalSize, rest.records.length, rest.done], [2099, 99, true]);
  const everything = await connection.query(soql, { autoFetch: true, maxFetch: 10_000, scanAll: true });
  assert.equal(everything.records.length, 2100);
  const built = await connection.sobject("Lead").find({ LastName: { $gte: "2098" } }, "LastName").sort("-LastName");
  assert.deepEqual(built.map((row) => row.LastName), ["2099", "2098"]);
  await assert.rejects(connection.query("SELECT FROM"), { errorCode: "MALFORMED_QUERY" });
});

test("the org describes itself, its limits and its caller", async () => {
  const connection = connect();

  assert.ok((await connection.describeGlobal()).sobjects.some((entry) => entry.name === "Account"));
  assert.ok((await connection.sobject("Account").describe()).fields.some((field) => field.name === "Name"));
  assert.ok((await connection.limits()).DailyApiRequests.Max > 0);
  assert.ok(connection.limitInfo.apiUsage.limit > 0);
  const identity = await connection.identity();
  assert.deepEqual([identity.organization_id, identity.username], [org.org_id, org.username]);
});

test("updated and deleted rows of a span of time are listed", async () => {
  const connection = connect();
  const { id } = await connection.sobject("Account").create({ Name: "Brief" });
  await connection.sobject("Account").destroy(id);
  const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 120_000)];

  assert.ok((await connection.sobject("Account").deleted(from, to)).deletedRecords.some((row) => row.id === id));
  assert.equal((await connection.sobject("Account").updated(from, to)).ids.includes(id), false);
});

test("composite calls are answered through the plain request method", async () => {
  const { compositeResponse } = await connect().requestPost(`/services/data/v${version}/composite`, {
    allOrNone: true,
    compositeRequest: [
      { method: "POST", url: `/services/data/v${version}/sobjects/Account`, referenceId: "a", body: { Name: "A" } },
      {
        method: "POST",
        url: `/services/data/v${version}/sobjects/Contact`,
        referenceId: "c",
        body: { LastName: "C", AccountId: "@{a.id}" },
      },
    ],
  });

  assert.deepEqual(compositeResponse.map((each) => each.httpStatusCode), [201, 201]);
});

test("bulk ingest reports every row in one of three results", async () => {
  const connection = connect();

  const results = await connection.bulk2.loadAndWaitForResults({
    object: "Contact",
    operation: "upsert",
    externalIdFieldName: "Ext__c",
    input: many(10, (number) => ({ Ext__c: `B-${number}`, LastName: number % 3 ? `b${number}` : "" })),
  });

  assert.deepEqual(
    [results.successfulResults.length, results.failedResults.length, results.unprocessedRecords.length],
    [6, 4, 0],
  );
  const job = connection.bulk2.createJob({ object: "Contact", operation: "insert" });
  await job.open();
  assert.equal((await job.abort(), await job.check()).state, "Aborted");
  await job.delete();
  await assert.rejects(job.check(), { errorCode: "NOT_FOUND" });
});

test("bulk queries stream all rows", async () => {
  const connection = connect();
  const inserted = await connection.sobject("Campaign").create(many(250, (number) => ({ Name: `q${number}` })), {
    allowRecursive: true,
  });

  const stream = await connection.bulk2.query("SELECT Id, Name FROM Campaign");
  const rows = await stream.toArray();

  assert.deepEqual(rows.map((row) => row.Id).sort(), inserted.map((row) => row.id).sort());
});

test("each way to log in that the library offers works", async () => {
  const soap = connect({ accessToken: undefined });
  await soap.login(org.username, org.password + org.security_token);
  assert.equal((await soap.identity()).username, org.username);

  const password = connect({ accessToken: undefined, oauth2 });
  await password.login(org.username, org.password);
  assert.equal((await password.identity()).username, org.username);

  const client = connect({ accessToken: undefined, oauth2 });
  await client.authorize({ grant_type: "client_credentials" });
  assert.equal((await client.identity()).username, org.username);

  await assert.rejects(connect({ oauth2 }).login(org.username, "wrong"), { name: "invalid_grant" });
  await assert.rejects(connect().login(org.username, "wrong"), /INVALID_LOGIN/);
});

test("a dead token is refreshed, and new tokens are told", async () => {
  const connection = connect({ accessToken: "00D!dead", refreshToken: org.refresh_token, oauth2 });
  const told = [];
  connection.on("refresh", (token) => told.push(token));

  await connection.limits();
  assert.deepEqual(told, [connection.accessToken]);
  await assert.rejects(connect({ accessToken: "00D!dead" }).limits(), { errorCode: "INVALID_SESSION_ID" });
});

test("a token that is revoked is dead", async () => {
  const connection = connect({ accessToken: undefined, oauth2 });
  await connection.login(org.username, org.password);
  const { accessToken } = connection;

  await connection.logout();

  await assert.rejects(connect({ accessToken }).limits(), { errorCode: "INVALID_SESSION_ID" });
});

test("the certificate is really checked", () => {
  assert.match(org.instance_url, /^https:/);
  assert.match(readFileSync(process.env.NODE_EXTRA_CA_CERTS, "utf-8"), /BEGIN CERTIFICATE/);
});
