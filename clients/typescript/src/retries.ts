/** Repeats calls that failed with UNAVAILABLE, where a repeat is harmless by the contract or by a request id. */

import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor, type StreamRequest, type UnaryRequest } from "@connectrpc/connect";
import { retryAfterMs } from "./errors.js";

/** When and how often to repeat. */
export interface RetryPolicy {
  /** How often a call is made at most, the first time included. */
  readonly maxAttempts: number;
  /** The longest pause before the second attempt, in milliseconds; it doubles with each further attempt. */
  readonly baseDelayMs: number;
  /** The longest pause at all, in milliseconds. A call whose answer asks for more is not repeated. */
  readonly maxDelayMs: number;
}

/** Four attempts within about two seconds, which outlasts the replacement of a replica. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { maxAttempts: 4, baseDelayMs: 100, maxDelayMs: 2_000 };

const FULL_BUDGET = 10;
const EARNED_PER_SUCCESS = 0.1;
const TIMEOUT_HEADER = "grpc-timeout";

/** True if the contract declares the method free of side effects or idempotent, and its request is one message. */
export function isRepeatable(method: DescMethod): boolean {
  const single = method.methodKind === "unary" || method.methodKind === "server_streaming";
  return single && method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN;
}

/** True if the request carries an id of the caller's, by which the service answers a repeat as it answered the first. */
export function hasRequestId(request: UnaryRequest | StreamRequest): boolean {
  return !request.stream && "requestId" in request.message && request.message.requestId !== "";
}

/**
 * An interceptor that repeats calls which failed with UNAVAILABLE.
 *
 * Only methods that the contract declares idempotent are repeated, a server stream only while none of its messages has
 * arrived, and of the other methods only requests with a request id, which another replica, or one that was restarted,
 * knows only where replicas share a store. The call's deadline covers all attempts. A pause asked for by the service's
 * RetryInfo is kept; otherwise pauses are random, so that the callers of a lost replica do not come back together. When
 * most calls of the transport fail, repeats stop until calls succeed again (the retry throttling of gRPC's A6).
 */
export function retryUnavailable(policy: RetryPolicy = DEFAULT_RETRY_POLICY): Interceptor {
  if (policy.maxAttempts < 1 || policy.baseDelayMs < 0 || policy.maxDelayMs < 0) {
    throw new RangeError("a retry policy has maxAttempts of at least 1 and delays of at least 0 ms");
  }
  let budget = FULL_BUDGET;
  return (next) => async (request) => {
    if (!isRepeatable(request.method) && !hasRequestId(request)) {
      return await next(request);
    }
    const shortenTimeout = timeoutShortener(request.header);
    const open = request.stream ? reopener(next, request) : () => next(request);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await open();
        budget = Math.min(FULL_BUDGET, budget + EARNED_PER_SUCCESS);
        return response;
      } catch (failure) {
        const pauseMs = pauseAfter(attempt, failure, policy);
        if (pauseMs === undefined) {
          throw failure;
        }
        budget = Math.max(0, budget - 1);
        if (attempt >= policy.maxAttempts || budget <= FULL_BUDGET / 2) {
          throw failure;
        }
        await pause(pauseMs, request.signal);
        shortenTimeout();
      }
    }
  };
}

type Next = Parameters<Interceptor>[0];

/** Opens a server stream as often as asked: its one request message is kept, its first response message awaited. */
function reopener(next: Next, request: StreamRequest): () => ReturnType<Next> {
  const kept = collect(request.message);
  return async () => {
    const messages = await kept;
    const response = await next({ ...request, message: replay(messages) });
    if (!response.stream) {
      return response;
    }
    const iterator = response.message[Symbol.asyncIterator]();
    return { ...response, message: resume(await iterator.next(), iterator) };
  };
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    items.push(item);
  }
  return items;
}

async function* replay<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function* resume<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  for (let item = first; item.done !== true; item = await rest.next()) {
    yield item.value;
  }
}

/** How long to pause after a failed attempt, in milliseconds; undefined if the call must not be repeated. */
function pauseAfter(attempt: number, failure: unknown, policy: RetryPolicy): number | undefined {
  if (!(failure instanceof ConnectError) || failure.code !== Code.Unavailable) {
    return undefined;
  }
  const asked = retryAfterMs(failure);
  if (asked !== undefined) {
    return asked <= policy.maxDelayMs ? asked : undefined;
  }
  return Math.random() * Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempt - 1));
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, delayMs);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Keeps the timeout that the server is told to what is left of the call's, which the transport set only once. */
function timeoutShortener(header: Headers): () => void {
  const match = /^([0-9]+)m$/.exec(header.get(TIMEOUT_HEADER) ?? "");
  if (!match) {
    return () => undefined;
  }
  const deadline = performance.now() + Number(match[1]);
  return () => header.set(TIMEOUT_HEADER, `${Math.max(1, Math.ceil(deadline - performance.now()))}m`);
}
