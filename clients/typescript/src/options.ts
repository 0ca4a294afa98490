/** The options that every kind of connection takes. */

import type { Interceptor } from "@connectrpc/connect";
import { retryUnavailable, type RetryPolicy } from "./retries.js";

/** How calls are made. */
export interface CallDefaults {
  /** Headers of every call, for example `authorization`. A function is asked before each attempt. */
  readonly headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /**
   * How long a call may take, in milliseconds, unless it gives a `timeoutMs` of its own. 0 means no limit.
   *
   * The default is 30 s. Bulk loads and long queries need more.
   */
  readonly timeoutMs?: number;
  /** When calls are repeated; false for never. */
  readonly retry?: RetryPolicy | false;
  /** Interceptors of your own, outermost first, around the repeats. */
  readonly interceptors?: readonly Interceptor[];
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** The transport's share of the options. */
export function transportDefaults(options: CallDefaults): { interceptors: Interceptor[]; defaultTimeoutMs?: number } {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  // A transport takes its default literally: zero would end every call at once.
  return { interceptors: interceptorsOf(options), ...(timeoutMs > 0 && { defaultTimeoutMs: timeoutMs }) };
}

/** The interceptors that the options ask for, in the order in which Connect wants them: the innermost last. */
function interceptorsOf(options: CallDefaults): Interceptor[] {
  const chain: Interceptor[] = [...(options.interceptors ?? [])];
  if (options.retry !== false) {
    chain.push(retryUnavailable(options.retry));
  }
  if (options.headers !== undefined) {
    chain.push(withHeaders(options.headers));
  }
  return chain;
}

function withHeaders(source: NonNullable<CallDefaults["headers"]>): Interceptor {
  return (next) => async (request) => {
    const headers = new Headers(typeof source === "function" ? await source() : source);
    headers.forEach((text, name) => request.header.set(name, text));
    return await next(request);
  };
}
