import assert from "node:assert/strict";
import { test } from "node:test";
import { bulkMessages, jsonLines, type BulkData } from "../src/index.js";

async function pieces(data: BulkData): Promise<Uint8Array[]> {
  const result: Uint8Array[] = [];
  for await (const { message } of bulkMessages({ object: "Lead" }, data)) {
    if (message?.case === "data") {
      result.push(message.value);
    }
  }
  return result;
}

test("the header goes first", async () => {
  const first = await bulkMessages({ object: "Lead" }, ["a"]).next();

  assert.deepEqual({ message: { case: "header", value: { object: "Lead" } } }, first.value);
});

test("large data is cut and no byte is lost", async () => {
  const data = Uint8Array.from({ length: 600_000 }, (_, index) => index % 251);

  const cut = await pieces([data]);

  assert.deepEqual([262_144, 262_144, 75_712], cut.map((piece) => piece.length));
  assert.deepEqual(Buffer.from(data), Buffer.concat(cut));
});

test("text is sent as UTF-8 and empty pieces are not sent", async () => {
  const cut = await pieces(["", "Łódź\n"]);

  assert.deepEqual(["Łódź\n"], cut.map((piece) => Buffer.from(piece).toString("utf8")));
});

test("rows become JSON Lines, gathered into larger pieces", async () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({ Ext__c: `L-${index}`, LastName: "a\nb", Phone: null }));
  const chunks: string[] = [];

  for await (const chunk of jsonLines(rows)) {
    chunks.push(chunk);
  }

  const lines = chunks.join("").split("\n");
  assert.equal("", lines.pop());
  assert.deepEqual(rows, lines.map((line) => JSON.parse(line)));
  assert.ok(chunks.length > 1 && chunks.length < 10, `${chunks.length} pieces`);
});
