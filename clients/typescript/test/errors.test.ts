import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, connect, ConnectError, ErrorReason, RecordService, SluicegateError } from "../src/index.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { serve } from "./support/server.js";

function withReason(reason: string, domain = "sluicegate"): ConnectError {
  return new ConnectError("no", Code.NotFound, undefined, [{ desc: ErrorInfoSchema, value: { reason, domain } }]);
}

test("the reason, its facts and the fields at fault travel over the wire", async (context) => {
  const url = await serve(context, (router) =>
    router.service(RecordService, {
      upsertRecord() {
        throw new ConnectError("LastName is required", Code.InvalidArgument, undefined, [
          {
            desc: ErrorInfoSchema,
            value: { reason: "REQUIRED_FIELD_MISSING", domain: "sluicegate", metadata: { fields: "LastName" } },
          },
          { desc: BadRequestSchema, value: { fieldViolations: [{ field: "fields.LastName", description: "give it" }] } },
          { desc: RetryInfoSchema, value: { retryDelay: { seconds: 1n, nanos: 500_000_000 } } },
        ]);
      },
    }),
  );
  const service = connect(url);
  context.after(() => service.close());

  const failure = await service.records.upsertRecord({ object: "Lead" }).catch((thrown: unknown) => thrown);
  const error = SluicegateError.from(failure);

  assert.ok(error);
  assert.equal(ErrorReason.REQUIRED_FIELD_MISSING, error.reason);
  assert.equal("REQUIRED_FIELD_MISSING: LastName is required", error.message);
  assert.equal(Code.InvalidArgument, error.code);
  assert.deepEqual({ fields: "LastName" }, { ...error.metadata });
  assert.deepEqual([{ field: "fields.LastName", description: "give it" }], error.violations);
  assert.equal(1_500, error.retryAfterMs);
  assert.equal(failure, error.cause);
});

test("failures that are not the service's have no reason", () => {
  assert.equal(undefined, SluicegateError.from(new Error("lost")));
  assert.equal(undefined, SluicegateError.from(new ConnectError("proxy", Code.Unavailable)));
  assert.equal(undefined, SluicegateError.from(withReason("RECORD_NOT_FOUND", "example.com")));
});

for (const name of ["NEWER_THAN_THIS_CLIENT", "15", "toString", ""]) {
  test(`the unknown reason "${name}" keeps its name`, () => {
    const error = SluicegateError.from(withReason(name));

    assert.equal(ErrorReason.UNSPECIFIED, error?.reason);
    assert.equal(name, error?.reasonName);
  });
}
