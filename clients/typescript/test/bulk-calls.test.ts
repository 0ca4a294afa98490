import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  BulkFormat,
  BulkLoadSchema,
  BulkLoadState,
  bulkLoadResults,
  BulkPartState,
  BulkRowOutcome,
  BulkService,
  uploadBulkLoad,
  watchBulkLoad,
  type BulkLoad,
} from "../src/index.js";
import { Code, ConnectError, connectWeb } from "../src/web.js";
import { serve } from "./support/server.js";

const HEADER_ROW = "Ext__c,LastName\n";
const TEXT = HEADER_ROW + Array.from({ length: 50 }, (_, index) => `L-${index},"N\n${index}"\n`).join("");
const HEADER = { object: "Lead", keyColumn: "Ext__c", org: "sandbox" };

/** A service that keeps uploads by token, called as browsers do: gRPC-Web over HTTP/1.1. */
async function uploading(context: Parameters<typeof serve>[0], failures: Map<number, ConnectError> = new Map()) {
  const seen = { parts: [] as string[], committed: [] as string[], starts: 0, calls: 0 };
  const load = (token: string, headerBytes = HEADER_ROW.length): BulkLoad => {
    let end = headerBytes;
    const state = seen.committed.includes(token) ? BulkPartState.COMMITTED : BulkPartState.PREPARED;
    const parts = seen.parts.slice(0, Number(token.slice(1))).map((part) => {
      end += new TextEncoder().encode(part).length - headerBytes;
      return { state, endByte: BigInt(end) };
    });
    return create(BulkLoadSchema, { resumeToken: token, parts });
  };
  const url = await serve(
    context,
    (router) =>
      router.service(BulkService, {
        startBulkLoad({ org, header }) {
          assert.deepEqual(["sandbox", "Lead", "sandbox"], [org, header?.object, header?.org]);
          seen.starts += 1;
          return { load: load("t0") };
        },
        uploadBulkLoadPart({ resumeToken, data, header }) {
          const failure = failures.get(seen.calls);
          seen.calls += 1;
          if (failure) throw failure;
          assert.equal("Ext__c", header?.keyColumn);
          const number = Number(resumeToken.slice(1));
          seen.parts.splice(number, Infinity, new TextDecoder().decode(data));
          return { load: load(`t${number + 1}`, header?.format === BulkFormat.JSON_LINES ? 0 : HEADER_ROW.length) };
        },
        getBulkLoad: ({ resumeToken }) => ({ load: load(resumeToken) }),
        commitBulkLoad({ resumeToken }) {
          seen.committed.push(resumeToken);
          return { load: load(resumeToken) };
        },
      }),
    "1.1",
  );
  return { bulk: connectWeb(url, { retry: { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 5 } }).bulk, seen };
}

test("a browser uploads parts of whole rows, and commits them when all are there", async (context) => {
  const { bulk, seen } = await uploading(context);
  const stored: string[] = [];
  const told: number[] = [];

  const load = await uploadBulkLoad(bulk, HEADER, new Blob([TEXT]), {
    partBytes: 200,
    storeToken: (token) => void stored.push(`${token} ${seen.committed.length}`),
    onUpload: (bytes) => told.push(bytes),
  });

  assert.ok(seen.parts.length > 3);
  assert.equal(TEXT, HEADER_ROW + seen.parts.map((part) => part.slice(HEADER_ROW.length)).join(""));
  assert.deepEqual([`t${seen.parts.length}`], seen.committed);
  assert.equal(`t${seen.parts.length}`, load.resumeToken);
  assert.deepEqual(Array.from({ length: seen.parts.length + 1 }, (_, index) => `t${index} 0`), stored);
  assert.equal(new TextEncoder().encode(seen.parts.join("")).length, told.at(-1));
  assert.ok(!("bulkLoad" in bulk));
});

test("an upload goes on with its token, after whatever was uploaded", async (context) => {
  const refused = new ConnectError("no", Code.PermissionDenied);
  const { bulk, seen } = await uploading(context, new Map([[2, refused]]));
  let token = "";
  const options = { partBytes: 200, storeToken: (given: string) => void (token = given) };

  await assert.rejects(uploadBulkLoad(bulk, HEADER, TEXT, options), (error) => (error as ConnectError).code === refused.code);
  const before = [token, seen.committed.length];
  await uploadBulkLoad(bulk, HEADER, TEXT, { ...options, resumeToken: token });
  await uploadBulkLoad(bulk, HEADER, TEXT, { ...options, resumeToken: token });

  assert.deepEqual(["t2", 0], before);
  assert.equal(1, seen.starts);
  assert.equal(TEXT, HEADER_ROW + seen.parts.map((part) => part.slice(HEADER_ROW.length)).join(""));
  // The third one found it committed, and only said so again.
  assert.deepEqual([token, token], seen.committed);
  assert.equal(seen.parts.length + 1, seen.calls);
});

test("a part is uploaded again while the service is unavailable", async (context) => {
  const { bulk, seen } = await uploading(context, new Map([[1, new ConnectError("it drains", Code.Unavailable)]]));

  await uploadBulkLoad(bulk, { ...HEADER, format: BulkFormat.JSON_LINES }, '{"Ext__c": "a"}\n'.repeat(30), { partBytes: 100 });

  assert.equal('{"Ext__c": "a"}\n'.repeat(30), seen.parts.join(""));
  assert.equal(seen.parts.length + 1, seen.calls);
});

test("a watch that is lost goes on, and results come row by row", { timeout: 20_000 }, async (context) => {
  const states = [BulkLoadState.PROCESSING, undefined, BulkLoadState.PROCESSING, BulkLoadState.COMPLETE];
  const url = await serve(
    context,
    (router) =>
      router.service(BulkService, {
        async *watchBulkLoad({ resumeToken }) {
          for (let state = states.shift(); state !== undefined; state = states.shift()) {
            yield { load: { state, resumeToken } };
          }
          if (states.length > 0) throw new ConnectError("it drains", Code.Unavailable);
        },
        async *listBulkLoadResults({ outcomes }) {
          assert.deepEqual([BulkRowOutcome.FAILED], outcomes);
          yield { rows: [{ key: "a" }, { key: "b" }] };
          yield { rows: [{ key: "c" }] };
        },
      }),
    "1.1",
  );
  const { bulk } = connectWeb(url);

  const seen: (BulkLoadState | string)[] = [];
  for await (const { state, resumeToken } of watchBulkLoad(bulk, { resumeToken: "t" })) {
    seen.push(state);
    assert.equal("t", resumeToken);
  }
  const keys: string[] = [];
  for await (const { key } of bulkLoadResults(bulk, { resumeToken: "t", outcomes: [BulkRowOutcome.FAILED] })) {
    keys.push(key);
  }

  assert.deepEqual([BulkLoadState.PROCESSING, BulkLoadState.PROCESSING, BulkLoadState.COMPLETE], seen);
  assert.deepEqual(["a", "b", "c"], keys);
});
