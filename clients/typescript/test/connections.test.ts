import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, ErrorReason, OrgService, SluicegateError } from "../src/index.js";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { Code, ConnectError, connectWeb } from "../src/web.js";
import { serve } from "./support/server.js";

test("an address without a scheme is refused", () => {
  for (const address of ["127.0.0.1:50051", "localhost:50051", "dns:///sluicegate:50051", ""]) {
    assert.throws(() => connect(address), { name: "TypeError", message: /begins with http:\/\/ or https:\/\// });
  }
});

test("gRPC-Web over HTTP/1.1 carries answers and reasons", async (context) => {
  const url = await serve(
    context,
    (router) =>
      router.service(OrgService, {
        getLimits({ org }) {
          if (org === "prod") {
            return { limits: { org, limits: [{ name: "DailyApiRequests", maximum: 100_000n, remaining: 5n }] } };
          }
          throw new ConnectError("no such org", Code.NotFound, undefined, [
            { desc: ErrorInfoSchema, value: { reason: "UNKNOWN_ORG", domain: "sluicegate" } },
          ]);
        },
      }),
    "1.1",
  );
  const service = connectWeb(url);

  const { limits } = await service.orgs.getLimits({ org: "prod" });
  const failure = await service.orgs.getLimits({ org: "prd" }).catch((thrown: unknown) => thrown);

  assert.equal(5n, limits?.limits[0]?.remaining);
  assert.equal(ErrorReason.UNKNOWN_ORG, SluicegateError.from(failure)?.reason);
});
