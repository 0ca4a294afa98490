import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  ColumnType,
  connect,
  ConnectError,
  queryResponses,
  queryRows,
  QueryService,
  RecordBatchSchema,
  RowFormat,
  type QueryResponseSchema,
  type Row,
} from "../src/index.js";
import { serve } from "./support/server.js";

type Answer = MessageInitShape<typeof QueryResponseSchema> | ConnectError;

function numbers(firstRow: number, ...values: number[]): Answer {
  const column = { name: "n", type: ColumnType.INT64, int64Values: values.map(BigInt) };
  return {
    batch: create(RecordBatchSchema, { rowCount: values.length, columns: [column] }),
    firstRow: BigInt(firstRow),
    resumeToken: `behind ${firstRow + values.length}`,
  };
}

/** A service that answers so, up to a failure; the next call has what stands behind it. Tells the tokens of the calls. */
async function scripted(context: Parameters<typeof serve>[0], answers: Answer[]) {
  const tokens: string[] = [];
  const url = await serve(context, (router) =>
    router.service(QueryService, {
      async *query({ resumeToken }) {
        tokens.push(resumeToken);
        for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) {
          if (answer instanceof ConnectError) {
            throw answer;
          }
          yield answer;
        }
      },
      explainQuery: () => ({ reason: "It is small." }),
    }),
  );
  const service = connect(url, { timeoutMs: 0 });
  context.after(() => service.close());
  return { queries: service.queries, tokens };
}

const LOST = () => new ConnectError("it drains", Code.Unavailable);
const REQUEST = { soql: "SELECT n FROM N" };

test("a lost query goes on with the last token, and no row comes twice", { timeout: 10_000 }, async (context) => {
  const answers = [numbers(0, 1, 2), LOST(), numbers(2, 3), LOST(), numbers(3, 4), LOST(), numbers(4)];
  const { queries, tokens } = await scripted(context, answers);

  const found: Row[] = [];
  for await (const row of queryRows(queries, REQUEST)) {
    found.push(row);
  }

  assert.deepEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }], found);
  assert.deepEqual(["", "behind 2", "behind 3", "behind 4"], tokens);
});

test("what another call would not mend is thrown, and a loss where that was asked for", { timeout: 10_000 }, async (context) => {
  const cases: [ConnectError, number][] = [
    [new ConnectError("no", Code.FailedPrecondition), 30_000],
    [LOST(), 0],
  ];
  for (const [failure, reconnectMs] of cases) {
    const { queries, tokens } = await scripted(context, [numbers(0, 1), failure, numbers(1, 2)]);
    const found = queryRows(queries, REQUEST, { reconnectMs });

    assert.deepEqual({ done: false, value: { n: 1 } }, await found.next());
    await assert.rejects(found.next(), (error) => error instanceof ConnectError && error.code === failure.code);
    assert.equal(1, tokens.length);
  }
});

test("lines of JSON come as the service wrote them", { timeout: 10_000 }, async (context) => {
  const jsonLines = new TextEncoder().encode('{"n":1}\n');
  const { queries } = await scripted(context, [{ jsonLines, resumeToken: "t" }]);

  const found = [];
  for await (const response of queryResponses(queries, { ...REQUEST, rowFormat: RowFormat.JSON_LINES })) {
    found.push(new TextDecoder().decode(response.jsonLines));
  }

  assert.deepEqual(['{"n":1}\n'], found);
});

test("a query is explained", async (context) => {
  const { queries } = await scripted(context, []);

  assert.equal("It is small.", (await queries.explainQuery(REQUEST)).reason);
});
