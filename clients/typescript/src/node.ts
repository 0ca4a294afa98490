/** A connection from Node.js: gRPC over HTTP/2. */

import type { SecureClientSessionOptions } from "node:http2";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { transportDefaults, type CallDefaults } from "./options.js";
import { servicesOver, type Services } from "./services.js";

/** How a Node.js connection is made. */
export interface ConnectOptions extends CallDefaults {
  /** TLS for https addresses: `ca`, and `cert` with `key` where the service wants a client certificate. */
  readonly tls?: Pick<SecureClientSessionOptions, "ca" | "cert" | "key" | "servername">;
}

/** The services over one connection. */
export interface Connection extends Services {
  /** Closes the connection; calls in flight fail with CANCELED. */
  close(): void;
}

const KEEPALIVE_MS = 60_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;

/**
 * Connects to the service. The connection opens with the first call and again whenever it was lost.
 *
 * @param url where the service is: `http://host:50051`, or `https://…` with TLS.
 * @throws TypeError if the url is not an http or https address.
 */
export function connect(url: string, options: ConnectOptions = {}): Connection {
  const protocol = URL.canParse(url) ? new URL(url).protocol : "";
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError(`the address must be a URL that begins with http:// or https://, not ${JSON.stringify(url)}`);
  }
  const sessionManager = new Http2SessionManager(
    url,
    { pingIntervalMs: KEEPALIVE_MS, pingTimeoutMs: KEEPALIVE_TIMEOUT_MS },
    options.tls,
  );
  const transport = createGrpcTransport({
    baseUrl: url,
    sessionManager,
    ...transportDefaults(options),
  });
  return { ...servicesOver(transport), close: () => sessionManager.abort() };
}
