import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ColumnType, connect, queryRows, QueryService, RecordBatchSchema, rows, type Row } from "../src/index.js";
import { serve } from "./support/server.js";

type Columns = MessageInitShape<typeof RecordBatchSchema>["columns"];

function batch(rowCount: number, columns: NonNullable<Columns>) {
  return create(RecordBatchSchema, { rowCount, columns });
}

test("columns of every type become rows", () => {
  const given = batch(2, [
    { name: "Name", type: ColumnType.STRING, stringValues: ["Curie", ""], nullRows: [1] },
    { name: "Employees", type: ColumnType.INT64, int64Values: [3n, -4n] },
    { name: "Score", type: ColumnType.DOUBLE, doubleValues: [0.5, 0], nullRows: [1] },
    { name: "Revenue", type: ColumnType.DECIMAL, stringValues: ["12345678901234567.8", "0"] },
    { name: "IsActive", type: ColumnType.BOOL, boolValues: [true, false] },
    { name: "Account.Since__c", type: ColumnType.DATE, stringValues: ["2026-03-01", ""], nullRows: [1] },
  ]);

  const result = rows(given);

  assert.deepEqual(
    [
      {
        Name: "Curie",
        Employees: 3,
        Score: 0.5,
        Revenue: "12345678901234567.8",
        IsActive: true,
        "Account.Since__c": "2026-03-01",
      },
      { Name: null, Employees: -4, Score: null, Revenue: "0", IsActive: false, "Account.Since__c": null },
    ],
    result,
  );
});

test("columns of several become arrays, and children rows of their own", () => {
  const names = { name: "Name", type: ColumnType.STRING, stringValues: ["a", "b"] };
  const entries = { rowCount: 1, columns: [{ name: "Tags", type: ColumnType.STRING, stringValues: ["x"] }] };
  const tags = { name: "Tags", type: ColumnType.STRINGS, children: entries, childEnds: [0, 1], nullRows: [0] };
  const children = { rowCount: 2, columns: [names, tags] };
  const given = batch(2, [
    { name: "Body", type: ColumnType.BYTES, bytesValues: [new Uint8Array([0, 255]), new Uint8Array()], nullRows: [1] },
    { name: "Kids", type: ColumnType.BATCHES, children, childEnds: [0, 2] },
  ]);

  assert.deepEqual(
    [
      { Body: new Uint8Array([0, 255]), Kids: [] },
      { Body: null, Kids: [{ Name: "a", Tags: null }, { Name: "b", Tags: ["x"] }] },
    ],
    rows(given),
  );
});

test("children of no row are refused", () => {
  const children = { rowCount: 1, columns: [{ name: "Id", type: ColumnType.STRING, stringValues: ["1"] }] };
  const kids = (childEnds: number[]) => batch(1, [{ name: "Kids", type: ColumnType.BATCHES, children, childEnds }]);

  assert.throws(() => rows(kids([0])), /column Kids has 1 children that belong to no row/);
  assert.throws(() => rows(kids([2])), /column Kids has children of a row that end at 2/);
});

test("a batch without rows has none", () => {
  assert.deepEqual([], rows(batch(0, [{ name: "Name", type: ColumnType.STRING }])));
});

test("whole numbers above 2^53 need bigint", () => {
  const given = batch(1, [{ name: "Big__c", type: ColumnType.INT64, int64Values: [2n ** 53n] }]);

  assert.throws(() => rows(given), /^RangeError: column Big__c .*bigint/);
  assert.deepEqual([{ Big__c: 2n ** 53n }], rows(given, { int64: "bigint" }));
});

test("a column that does not fit the batch is refused", () => {
  const short = batch(2, [{ name: "Name", type: ColumnType.STRING, stringValues: ["a"] }]);
  const outside = batch(1, [{ name: "Name", type: ColumnType.STRING, stringValues: ["a"], nullRows: [1] }]);
  const unknown = batch(1, [{ name: "Name", type: 99 as ColumnType }]);

  assert.throws(() => rows(short), /column Name holds 1 values for 2 rows/);
  assert.throws(() => rows(outside), /column Name marks row 1 of 1 as null/);
  assert.throws(() => rows(unknown), /column Name has a type \(99\)/);
});

test("a column called __proto__ is a column", () => {
  const [row] = rows(batch(1, [{ name: "__proto__", type: ColumnType.STRING, stringValues: ["x"] }]));

  assert.deepEqual(["__proto__"], Object.keys(row ?? {}));
});

async function endless(context: TestContext): Promise<{ url: string; ended: Promise<void> }> {
  const { promise: ended, resolve: end } = withResolvers();
  const url = await serve(context, (router) =>
    router.service(QueryService, {
      async *query(_, { signal }) {
        signal.addEventListener("abort", end, { once: true });
        for (let index = 0; !signal.aborted; index += 1) {
          yield { batch: batch(1, [{ name: "Index", type: ColumnType.INT64, int64Values: [BigInt(index)] }]) };
        }
      },
    }),
  );
  return { url, ended };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test("rows of a query arrive across batches, and leaving the loop cancels the call", { timeout: 10_000 }, async (context) => {
  const { url, ended } = await endless(context);
  const service = connect(url, { timeoutMs: 0 });
  context.after(() => service.close());

  const taken: Row[] = [];
  for await (const row of queryRows(service.queries, { soql: "SELECT Id FROM Case" })) {
    taken.push(row);
    if (taken.length === 3) {
      break;
    }
  }
  await ended;

  assert.deepEqual([{ Index: 0 }, { Index: 1 }, { Index: 2 }], taken);
});
