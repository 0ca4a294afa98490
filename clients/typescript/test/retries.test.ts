import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  BulkService,
  Code,
  connect,
  ConnectError,
  DeepLinkService,
  OrgService,
  QueryService,
  RecordService,
  type CallDefaults,
  type Connection,
} from "../src/index.js";
import { RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { isRepeatable, retryUnavailable } from "../src/retries.js";
import { serve } from "./support/server.js";

const FAST = { maxAttempts: 4, baseDelayMs: 1, maxDelayMs: 50 };

const unavailable = (): ConnectError => new ConnectError("draining", Code.Unavailable);

/** A service whose UpsertRecord does what `answer` says for each attempt, counted from 1. */
async function upserting(
  context: TestContext,
  answer: (attempt: number, header: Headers) => object,
  options: CallDefaults = {},
): Promise<{ service: Connection; attempts: () => number }> {
  let attempts = 0;
  const url = await serve(context, (router) =>
    router.service(RecordService, {
      upsertRecord: (_, { requestHeader }) => answer((attempts += 1), requestHeader),
    }),
  );
  const service = connect(url, { retry: FAST, ...options });
  context.after(() => service.close());
  return { service, attempts: () => attempts };
}

function failing(times: number): (attempt: number) => object {
  return (attempt) => {
    if (attempt <= times) {
      throw unavailable();
    }
    return { recordId: "00Q000000000001AAA" };
  };
}

test("exactly the methods that the contract declares harmless are repeated", () => {
  const repeated = [RecordService, QueryService, BulkService, DeepLinkService, OrgService]
    .flatMap((service) => service.methods)
    .filter(isRepeatable)
    .map((method) => method.name);

  assert.deepEqual(
    [
      "UpsertRecord",
      "GetRecord",
      "UpdateRecord",
      "DeleteRecord",
      "ExplainQuery",
      "Query",
      "StartBulkLoad",
      "UploadBulkLoadPart",
      "CommitBulkLoad",
      "GetBulkLoad",
      "WatchBulkLoad",
      "ListBulkLoadResults",
      "CancelBulkLoad",
      "PlanBulkLoads",
      "CreateDeepLink",
      "CreateDeepLinks",
      "ResolveDeepLink",
      "GetLimits",
      "WatchLimits",
    ].sort(),
    repeated.sort(),
  );
});

test("an idempotent call is repeated until a replica answers", async (context) => {
  const { service, attempts } = await upserting(context, failing(2));

  const { recordId } = await service.records.upsertRecord({ object: "Lead" });

  assert.equal("00Q000000000001AAA", recordId);
  assert.equal(3, attempts());
});

test("a call is given up after the last attempt", async (context) => {
  const { service, attempts } = await upserting(context, failing(99));

  await assert.rejects(service.records.upsertRecord({ object: "Lead" }), { code: Code.Unavailable });

  assert.equal(4, attempts());
});

test("other failures are not repeated", async (context) => {
  const { service, attempts } = await upserting(context, () => {
    throw new ConnectError("locked", Code.Aborted);
  });

  await assert.rejects(service.records.upsertRecord({ object: "Lead" }), { code: Code.Aborted });

  assert.equal(1, attempts());
});

test("repeats can be turned off", async (context) => {
  const { service, attempts } = await upserting(context, failing(1), { retry: false });

  await assert.rejects(service.records.upsertRecord({ object: "Lead" }), { code: Code.Unavailable });

  assert.equal(1, attempts());
});

test("a pause longer than the policy allows is not waited for", async (context) => {
  const { service, attempts } = await upserting(context, () => {
    throw new ConnectError("budget", Code.Unavailable, undefined, [
      { desc: RetryInfoSchema, value: { retryDelay: { seconds: 3600n } } },
    ]);
  });

  await assert.rejects(service.records.upsertRecord({ object: "Lead" }), { code: Code.Unavailable });

  assert.equal(1, attempts());
});

test("a pause that the service asks for is kept", async (context) => {
  const times: number[] = [];
  const { service } = await upserting(context, (attempt) => {
    times.push(performance.now());
    if (attempt > 1) {
      return {};
    }
    throw new ConnectError("soon", Code.Unavailable, undefined, [
      { desc: RetryInfoSchema, value: { retryDelay: { nanos: 40_000_000 } } },
    ]);
  });

  await service.records.upsertRecord({ object: "Lead" });

  const [first = 0, second = 0] = times;
  assert.ok(second - first >= 38, `${second - first} ms`);
});

test("the deadline covers all attempts, and each attempt is told what is left of it", async (context) => {
  const told: number[] = [];
  const slow = { maxAttempts: 4, baseDelayMs: 0, maxDelayMs: 5_000 };
  const { service } = await upserting(
    context,
    (_, header) => {
      told.push(Number.parseInt(header.get("grpc-timeout") ?? "", 10));
      throw new ConnectError("soon", Code.Unavailable, undefined, [
        { desc: RetryInfoSchema, value: { retryDelay: told.length === 1 ? { nanos: 50_000_000 } : { seconds: 4n } } },
      ]);
    },
    { retry: slow },
  );

  const call = service.records.upsertRecord({ object: "Lead" }, { timeoutMs: 3_000 });
  await assert.rejects(call, { code: Code.DeadlineExceeded });

  assert.equal(2, told.length);
  assert.equal(3_000, told[0]);
  assert.ok((told[1] ?? 0) <= 2_952, `${told[1]} ms left`);
});

test("an address where nobody listens is UNAVAILABLE and counts as an attempt", async (context) => {
  const service = connect("http://127.0.0.1:9", { retry: FAST });
  context.after(() => service.close());

  await assert.rejects(service.orgs.getLimits({}), { code: Code.Unavailable });
});

test("repeats stop while most calls fail", async (context) => {
  const { service, attempts } = await upserting(context, failing(99));

  for (let call = 0; call < 10; call += 1) {
    await assert.rejects(service.records.upsertRecord({ object: "Lead" }));
  }

  assert.ok(attempts() < 20, `${attempts()} attempts for 10 calls`);
});

for (const name of ["createRecord", "applyRecords", "composeRecords"] as const) {
  test(`${name} is repeated only with a request id, and then unchanged`, async (context) => {
    const seen: string[] = [];
    const url = await serve(context, (router) =>
      router.service(RecordService, {
        [name]: ({ requestId }: { requestId: string }) => {
          seen.push(requestId);
          if (seen.length < 4) {
            throw unavailable();
          }
          return {};
        },
      }),
    );
    const service = connect(url, { retry: FAST });
    context.after(() => service.close());

    await assert.rejects(service.records[name]({}), { code: Code.Unavailable });
    await service.records[name]({ requestId: "r-1" });

    assert.deepEqual(["", "r-1", "r-1", "r-1"], seen);
  });
}

test("headers are asked for before each attempt", async (context) => {
  const seen: (string | null)[] = [];
  let issued = 0;
  const { service } = await upserting(
    context,
    (attempt, header) => {
      seen.push(header.get("authorization"));
      return failing(1)(attempt);
    },
    { headers: () => ({ authorization: `Bearer ${(issued += 1)}` }) },
  );

  await service.records.upsertRecord({ object: "Lead" });

  assert.deepEqual(["Bearer 1", "Bearer 2"], seen);
});

test("a stream is repeated before its first message and never after", async (context) => {
  let attempts = 0;
  const url = await serve(context, (router) =>
    router.service(QueryService, {
      async *query({ soql }) {
        attempts += 1;
        if (attempts === 1) {
          throw unavailable();
        }
        yield { totalSize: soql.length };
        throw unavailable();
      },
    }),
  );
  const service = connect(url, { retry: FAST });
  context.after(() => service.close());
  const sizes: number[] = [];

  const read = async (): Promise<void> => {
    for await (const response of service.queries.query({ soql: "SELECT" })) {
      sizes.push(response.totalSize);
    }
  };
  await assert.rejects(read(), { code: Code.Unavailable });

  assert.deepEqual([6], sizes);
  assert.equal(2, attempts);
});

test("a policy that makes no sense is refused", () => {
  assert.throws(() => retryUnavailable({ ...FAST, maxAttempts: 0 }), RangeError);
});
