/** The options that every kind of connection takes. */

import type { Interceptor } from "@connectrpc/connect";
import { Priority } from "./contract.js";
import { retryUnavailable, type RetryPolicy } from "./retries.js";

/** How calls are made. */
export interface CallDefaults {
  /** Headers of every call, for example `authorization`. A function is asked before each attempt. */
  readonly headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /**
   * Name under which the org's API calls are shared and counted: 1 to 63 letters, digits, dots, dashes and underscores.
   * Operators give names weights and caps.
   */
  readonly caller?: string;
  /**
   * How much calls matter when API calls run short: BATCH ones are refused first, INTERACTIVE ones last.
   *
   * The default is the service's: STANDARD, and BATCH for bulk loads.
   */
  readonly priority?: Exclude<Priority, Priority.UNSPECIFIED>;
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
const CALLER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

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
  const said = whoCalls(options);
  if (said.length > 0) {
    chain.push(withWhoCalls(said));
  }
  if (options.headers !== undefined) {
    chain.push(withHeaders(options.headers));
  }
  return chain;
}

/** The headers that tell who calls and how urgently. */
function whoCalls({ caller, priority }: CallDefaults): [string, string][] {
  if (caller !== undefined && !CALLER_NAME.test(caller)) {
    const wanted = "1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter or digit";
    throw new RangeError(`the name of a caller has ${wanted}; ${JSON.stringify(caller)} does not`);
  }
  return [
    ...(caller === undefined ? [] : [["sluicegate-caller", caller] satisfies [string, string]]),
    ...(priority === undefined ? [] : [["sluicegate-priority", wordOf(priority)] satisfies [string, string]]),
  ];
}

function wordOf(priority: Priority): string {
  const name = Priority[priority];
  if (name === undefined || priority === Priority.UNSPECIFIED) {
    throw new RangeError(`a priority is Priority.INTERACTIVE, STANDARD or BATCH, not ${String(priority)}`);
  }
  return name.toLowerCase();
}

/** What a call says of itself in its own headers stands. */
function withWhoCalls(said: readonly [string, string][]): Interceptor {
  return (next) => async (request) => {
    for (const [name, text] of said) {
      if (!request.header.has(name)) {
        request.header.set(name, text);
      }
    }
    return await next(request);
  };
}

function withHeaders(source: NonNullable<CallDefaults["headers"]>): Interceptor {
  return (next) => async (request) => {
    const headers = new Headers(typeof source === "function" ? await source() : source);
    headers.forEach((text, name) => request.header.set(name, text));
    return await next(request);
  };
}
