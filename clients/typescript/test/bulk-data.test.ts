import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cutParts, type BulkSource, type CutOptions } from "../src/index.js";

const HEADER = "Name,Company\r\n";

async function partsOf(source: BulkSource, options: Partial<CutOptions> = {}): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of cutParts(source, { csv: true, partBytes: 200, ...options })) {
    parts.push(new TextDecoder().decode(part));
  }
  return parts;
}

function* cutAt(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

/** Rows with everything that CSV may hold, which differ from test to test but not from run to run. */
function rowsOf(count: number): string[] {
  const cells = ["Łódź", '"a\nb"', '"say ""hi"""', '"x, y"', "", '"\r\n"', '""""'];
  return Array.from({ length: count }, (_, index) => {
    const cell = cells[(index * 5 + Math.floor(index / 3)) % cells.length] ?? "";
    return `${index}${cell.startsWith('"') ? "" : cell},${cell}${index % 2 === 0 ? "\n" : "\r\n"}`;
  });
}

test("parts begin with the header and hold whole rows, however the data is cut and given", async () => {
  const rows = rowsOf(200);
  const text = HEADER + rows.join("");
  const bytes = new TextEncoder().encode(text);
  const expected = await partsOf(text);

  const sources = [bytes, new Blob([bytes]), ...[1, 3, 7, 199, 200, 201].map((size) => () => cutAt(bytes, size))];
  const found = await Promise.all(sources.map((source) => partsOf(source)));

  assert.deepEqual(Array.from(sources, () => expected), found);
  assert.equal(text, HEADER + expected.map((part) => part.slice(HEADER.length)).join(""));
  for (const part of expected) {
    assert.ok(part.startsWith(HEADER));
    assert.ok(new TextEncoder().encode(part).length <= 200);
    const body = part.slice(HEADER.length);
    assert.ok(rows.includes(body.slice(-(rows.find((row) => body.endsWith(row))?.length ?? 0))), JSON.stringify(body));
  }
  assert.ok(expected.length > 10);
});

test("data goes on from the end of any part", async () => {
  const text = HEADER + rowsOf(60).join("");
  const parts = await partsOf(text);
  const bytes = new TextEncoder().encode(text);

  let nextByte = HEADER.length;
  for (const [index, part] of parts.entries()) {
    nextByte += new TextEncoder().encode(part).length - HEADER.length;
    const rest = parts.slice(index + 1);
    assert.deepEqual([rest, rest], [await partsOf(text, { nextByte }), await partsOf(() => cutAt(bytes, 5), { nextByte })]);
  }
});

test("lines of JSON have no header, and their quotes mean nothing", async () => {
  const lines = Array.from({ length: 40 }, (_, index) => `{"Name": "${index}", "Note": "\\" \\n"}\n`);

  const parts = await partsOf(lines.join(""), { csv: false });

  assert.equal(lines.join(""), parts.join(""));
  assert.ok(parts.every((part) => part.startsWith("{") && part.endsWith("}\n")));
});

test("the last row needs no line end, and what has no rows is one part", async () => {
  assert.deepEqual(["A\n1\n2"], await partsOf("A\n1\n2"));
  assert.deepEqual(["A\n"], await partsOf("A\n"));
  assert.deepEqual([""], await partsOf(""));
  assert.deepEqual(["A"], await partsOf("A"));
});

test("a row that has no room is refused with its place", async () => {
  const long = `A\n1\n"${"x".repeat(300)}"\n`;

  await assert.rejects(partsOf(long), { name: "RangeError", message: /the row that begins at byte 4 has more than the 200/ });
  await assert.rejects(partsOf(`${"A".repeat(300)}\n1\n`), { name: "RangeError", message: /begins at byte 0/ });
});

test("a file is read as a Blob", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "bulk-"));
  context.after(() => rm(folder, { recursive: true }));
  const text = HEADER + rowsOf(100).join("");
  await writeFile(join(folder, "data.csv"), text);

  const found = await partsOf(await openAsBlob(join(folder, "data.csv")));

  assert.deepEqual(await partsOf(text), found);
});
