/** A connection from a browser: gRPC-Web through a proxy, Envoy for example. */

import { createGrpcWebTransport } from "@connectrpc/connect-web";
import type { UnaryBulk } from "./bulk-calls.js";
import { transportDefaults, type CallDefaults } from "./options.js";
import { servicesOver, type Services } from "./services.js";

/** The services that a browser can call. It cannot stream up, so that it loads by `uploadBulkLoad`, not by `bulkLoad`. */
export type WebServices = Omit<Services, "bulk"> & { readonly bulk: UnaryBulk };

/** How a browser's connection is made. */
export interface ConnectWebOptions extends CallDefaults {
  /** Used instead of the global fetch, to send cookies for example. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Connects through the proxy at the url, `https://api.example.com`. */
export function connectWeb(url: string, options: ConnectWebOptions = {}): WebServices {
  const services = servicesOver(
    createGrpcWebTransport({
      baseUrl: url,
      ...transportDefaults(options),
      ...(options.fetch && { fetch: options.fetch }),
    }),
  );
  const { bulkLoad: _, ...bulk } = services.bulk;
  return { ...services, bulk };
}

export * from "./client.js";
