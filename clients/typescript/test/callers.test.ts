import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { connect, ConnectError, Priority, RecordService, type CallDefaults } from "../src/index.js";
import { connectWeb } from "../src/web.js";
import { serve } from "./support/server.js";

type Said = (string | null)[];

/** A service that notes who calls and how urgently. */
async function noting(context: TestContext, version: "1.1" | "2" = "2"): Promise<{ url: string; said: Said[] }> {
  const said: Said[] = [];
  const url = await serve(
    context,
    (router) =>
      router.service(RecordService, {
        upsertRecord: (_, { requestHeader }) => {
          said.push([requestHeader.get("sluicegate-caller"), requestHeader.get("sluicegate-priority")]);
          return {};
        },
      }),
    version,
  );
  return { url, said };
}

test("every call says what the connection was told, and nothing else", async (context) => {
  const { url, said } = await noting(context);
  const options: CallDefaults[] = [
    {},
    { caller: "web.shop" },
    { priority: Priority.BATCH },
    { caller: "a-1", priority: Priority.INTERACTIVE, headers: { "x-other": "1" } },
    { priority: Priority.STANDARD, retry: false },
  ];

  for (const each of options) {
    const service = connect(url, each);
    context.after(() => service.close());
    await service.records.upsertRecord({ object: "Lead" });
  }

  assert.deepEqual(
    [
      [null, null],
      ["web.shop", null],
      [null, "batch"],
      ["a-1", "interactive"],
      [null, "standard"],
    ],
    said,
  );
});

test("a call says otherwise for itself alone", async (context) => {
  const { url, said } = await noting(context);
  const service = connect(url, { caller: "web", priority: Priority.INTERACTIVE });
  context.after(() => service.close());

  await service.records.upsertRecord({ object: "Lead" }, { headers: { "sluicegate-priority": "batch" } });
  await service.records.upsertRecord({ object: "Lead" });

  assert.deepEqual(
    [
      ["web", "batch"],
      ["web", "interactive"],
    ],
    said,
  );
});

test("a browser says it, too", async (context) => {
  const { url, said } = await noting(context, "1.1");

  await connectWeb(url, { caller: "web", priority: Priority.INTERACTIVE }).records.upsertRecord({ object: "Lead" });

  assert.deepEqual([["web", "interactive"]], said);
});

for (const caller of ["", " ", "-a", "a b", "a\n", "ä", "(others)", "a".repeat(64)]) {
  test(`a caller has no name such as ${JSON.stringify(caller)}`, () => {
    assert.throws(() => connect("http://127.0.0.1:1", { caller }), RangeError);
  });
}

test("an unspecified priority is none", () => {
  for (const priority of [Priority.UNSPECIFIED, 9]) {
    assert.throws(() => connect("http://127.0.0.1:1", { priority: priority as Priority.BATCH }), RangeError);
  }
});

const target = process.env["SLUICEGATE_TARGET"];

test("the service counts the calls of each caller", { skip: target ? false : "no service" }, async (context) => {
  const caller = `ts-${randomUUID()}`;
  const service = connect(target ?? "", { caller, priority: Priority.INTERACTIVE });
  context.after(() => service.close());

  const { limits } = await service.orgs.getLimits({});
  const refused = await service.orgs
    .getLimits({}, { headers: { "sluicegate-priority": "urgent" } })
    .catch((failure: unknown) => failure);

  assert.deepEqual([1], limits?.governor?.callers.filter((each) => each.caller === caller).map((each) => each.usedCalls));
  assert.ok(refused instanceof ConnectError && /sluicegate-priority/.test(refused.message));
});
