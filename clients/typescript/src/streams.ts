/** Streams of the service that are left early, and those that go on in another call when one is lost. */

import { Code, ConnectError, type CallOptions } from "@connectrpc/connect";
import { retryAfterMs, SluicegateError } from "./errors.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** What becomes of a stream whose connection breaks, beside UNAVAILABLE. */
const OF_CONNECTIONS: ReadonlySet<Code> = new Set([Code.Aborted, Code.Canceled, Code.Internal, Code.Unknown]);

/** The answers of one call, which is cancelled when its iterator is left. */
export async function* untilLeft<T>(
  open: (options: CallOptions) => AsyncIterable<T>,
  options: CallOptions,
): AsyncGenerator<T> {
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const responses = open({ ...options, signal })[Symbol.asyncIterator]();
  try {
    for (let next = await responses.next(); next.done !== true; next = await responses.next()) {
      yield next.value;
    }
  } finally {
    left.abort();
    // A stream that was cancelled keeps its timer, and so the process, until it is asked once more; it then only throws.
    await responses.next().catch(() => undefined);
  }
}

/** The losses of one stream: when it goes on, and when it is given up. */
export class Losses {
  hasAnswer = false;
  readonly #options: { readonly reconnectMs?: number } & CallOptions;
  readonly #reconnectMs: number;
  readonly #begun = performance.now();
  #lostAt: number | undefined;
  #attempts = 0;

  /** @param reconnectMs how long it is asked for anew, if the options do not say. */
  constructor(options: { readonly reconnectMs?: number } & CallOptions, reconnectMs: number) {
    this.#options = options;
    this.#reconnectMs = options.reconnectMs ?? reconnectMs;
  }

  /** The options of the next call: what is left of the timeout. */
  callOptions(): CallOptions {
    const { timeoutMs } = this.#options;
    if (!timeoutMs) {
      return this.#options;
    }
    return { ...this.#options, timeoutMs: Math.max(1, timeoutMs - (performance.now() - this.#begun)) };
  }

  answered(): void {
    this.hasAnswer = true;
    this.#lostAt = undefined;
    this.#attempts = 0;
  }

  /** How long to pause, in milliseconds; undefined if the failure stands. */
  pauseAfter(failure: unknown): number | undefined {
    if (!this.hasAnswer || this.#options.signal?.aborted || !isLoss(failure)) {
      return undefined;
    }
    const now = performance.now();
    this.#lostAt ??= now;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    // Random, so that the callers of a lost replica do not come back together.
    const pauseMs = retryAfterMs(failure) ?? Math.random() * longest;
    const giveUpAt = this.#lostAt + this.#reconnectMs;
    return now + pauseMs < giveUpAt ? pauseMs : undefined;
  }
}

/** Waits. */
export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function isLoss(failure: unknown): failure is ConnectError {
  if (!(failure instanceof ConnectError)) {
    return false;
  }
  return (
    failure.code === Code.Unavailable ||
    (OF_CONNECTIONS.has(failure.code) && SluicegateError.from(failure) === undefined)
  );
}
