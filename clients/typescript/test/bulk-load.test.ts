import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  BulkCommit,
  bulkLoad,
  BulkLoadResponseSchema,
  BulkService,
  Code,
  connect,
  ConnectError,
  type BulkLoadResponse,
  type BulkSource,
} from "../src/index.js";
import { serve } from "./support/server.js";

type Step = "data" | "commit" | BulkLoadResponse | ConnectError;

const LOST = () => new ConnectError("it drains", Code.Unavailable);
const HEADER = { object: "Lead" };

function accepted(resumeToken: string, headerBytes?: number, nextByte?: number): BulkLoadResponse {
  const place = headerBytes === undefined ? {} : { resumeFrom: { headerBytes: BigInt(headerBytes), nextByte: BigInt(nextByte ?? 0) } };
  return create(BulkLoadResponseSchema, { resumeToken, event: { case: "accepted", value: place } });
}

function prepared(resumeToken: string, number = 1): BulkLoadResponse {
  return create(BulkLoadResponseSchema, { resumeToken, event: { case: "prepared", value: { part: { number } } } });
}

function done(resumeToken: string): BulkLoadResponse {
  return create(BulkLoadResponseSchema, { resumeToken, event: { case: "partDone", value: { part: { number: 1 } } } });
}

function finished(resumeToken: string): BulkLoadResponse {
  return create(BulkLoadResponseSchema, { resumeToken, event: { case: "finished", value: { rowsReceived: 2 } } });
}

/** A service that answers each call as told: "data" and "commit" are waited for. Tells what it was sent. */
async function scripted(context: Parameters<typeof serve>[0], ...calls: Step[][]) {
  const seen = { tokens: [] as string[], data: [] as string[], commits: [] as string[] };
  const url = await serve(context, (router) =>
    router.service(BulkService, {
      async *bulkLoad(requests) {
        const messages = requests[Symbol.asyncIterator]();
        const { message } = (await messages.next()).value ?? {};
        assert.equal("header", message?.case);
        seen.tokens.push(message.value.resumeToken);
        assert.equal(BulkCommit.BY_PART, message.value.commit);
        for (const step of calls.shift() ?? []) {
          if (step === "data") {
            let text = "";
            for (;;) {
              const next = (await messages.next()).value?.message;
              if (next?.case !== "data") break;
              text += new TextDecoder().decode(next.value);
            }
            seen.data.push(text);
          } else if (step === "commit") {
            const next = (await messages.next()).value?.message;
            seen.commits.push(next?.case === "commit" ? next.value.resumeToken : String(next?.case));
          } else if (step instanceof ConnectError) {
            throw step;
          } else {
            yield step;
          }
        }
      },
    }),
  );
  const service = connect(url, { retry: false });
  context.after(() => service.close());
  return { bulk: service.bulk, seen };
}

async function events(responses: AsyncIterable<BulkLoadResponse>): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const { event } of responses) {
    found.push(event.case);
  }
  return found;
}

test("a token is stored before its part is committed", { timeout: 20_000 }, async (context) => {
  const { bulk, seen } = await scripted(context, [
    accepted("t1"),
    "data",
    prepared("t2"),
    "commit",
    done("t3"),
    finished("t4"),
  ]);
  const stored: string[] = [];
  const storeToken = async (token: string): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    stored.push(`${token} with ${seen.commits.length} committed`);
  };

  const found = await events(bulkLoad(bulk, HEADER, "A\n1\n2\n", { storeToken }));

  assert.deepEqual(["accepted", "prepared", "partDone", "finished"], found);
  assert.deepEqual(["t2"], seen.commits);
  assert.deepEqual(["A\n1\n2\n"], seen.data);
  assert.deepEqual(["t1 with 0 committed", "t2 with 0 committed", "t3 with 1 committed", "t4 with 1 committed"], stored);
});

test("a load that was lost goes on with the last token, from where the service says", { timeout: 20_000 }, async (context) => {
  const sources: BulkSource[] = ["A\n1\n2\n", new Blob(["A\n1\n2\n"]), new TextEncoder().encode("A\n1\n2\n"), () => ["A", "\n1\n", "2\n"], ["A\n1", "\n2\n"]];
  for (const source of sources) {
    const { bulk, seen } = await scripted(
      context,
      [accepted("t1"), "data", prepared("t2"), "commit", done("t3"), LOST()],
      [LOST()],
      [accepted("t3", 2, 4), "data", finished("t4")],
    );

    const found = await events(bulkLoad(bulk, HEADER, source));

    assert.deepEqual(["accepted", "prepared", "partDone", "accepted", "finished"], found);
    assert.deepEqual(["", "t3", "t3"], seen.tokens);
    assert.deepEqual(["A\n1\n2\n", "A\n2\n"], seen.data);
  }
});

test("a commit goes up while the data waits", { timeout: 20_000 }, async (context) => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  async function* slow(): AsyncGenerator<string> {
    yield "A\n";
    await released;
    yield "1\n";
  }
  const { bulk, seen } = await scripted(context, [accepted("t1"), prepared("t2"), "data", done("t3"), "data", finished("t4")]);

  const found: (string | undefined)[] = [];
  for await (const { event } of bulkLoad(bulk, HEADER, slow())) {
    found.push(event.case);
    if (event.case === "partDone") release();
  }

  // What stands before the commit is read up to it, and the rest up to the end.
  assert.deepEqual(["A\n", "1\n"], seen.data);
  assert.deepEqual(["accepted", "prepared", "partDone", "finished"], found);
});

test("what another call would not mend is thrown", { timeout: 20_000 }, async (context) => {
  const refusal = new ConnectError("row 3 is wrong", Code.InvalidArgument);
  const cases: [BulkSource, ConnectError, number][] = [
    ["A\n", refusal, 300_000],
    ["A\n", LOST(), 0],
    [["A\n"].values(), LOST(), 300_000],
  ];
  for (const [source, failure, reconnectMs] of cases) {
    const { bulk, seen } = await scripted(context, [accepted("t1"), "data", failure]);

    const found = events(bulkLoad(bulk, HEADER, source, { reconnectMs }));

    await assert.rejects(found, (error) => error instanceof ConnectError && error.code === failure.code);
    assert.equal(1, seen.tokens.length);
  }
});

test("what fails on this side ends the load, and nothing is committed", { timeout: 20_000 }, async (context) => {
  async function* broken(): AsyncGenerator<string> {
    yield "A\n";
    throw new Error("the source went away");
  }
  const storeToken = (token: string): void => {
    if (token === "t2") throw new Error("the disk is full");
  };
  const { bulk, seen } = await scripted(context, [accepted("t1"), "data"], [accepted("t1"), "data", prepared("t2"), "commit"]);

  await assert.rejects(events(bulkLoad(bulk, HEADER, () => broken())), { message: "the source went away" });
  await assert.rejects(events(bulkLoad(bulk, HEADER, "A\n1\n", { storeToken })), { message: "the disk is full" });

  assert.deepEqual([], seen.commits.filter((commit) => commit === "t2"));
});

test("results of no load do not come again", async (context) => {
  const { bulk } = await scripted(context);

  await assert.rejects(events(bulkLoad(bulk, { ...HEADER, repeatResults: true }, "A\n")), { name: "TypeError" });
});
