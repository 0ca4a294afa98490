/** A real server on the loopback that answers with the handlers a test gives it. */

import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

/** Starts an HTTP/2 server, or an HTTP/1.1 one as browsers meet it; it stops with the test. Returns its address. */
export async function serve(
  context: TestContext,
  routes: (router: ConnectRouter) => void,
  version: "1.1" | "2" = "2",
): Promise<string> {
  const handler = connectNodeAdapter({ routes });
  const server = version === "2" ? http2.createServer(handler) : http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
