/** Queries that go on by themselves when their connection is lost. */

import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type CallOptions, type Client } from "@connectrpc/connect";
import { QueryRequestSchema, type QueryResponse, type QueryService } from "./contract.js";
import { retryAfterMs, SluicegateError } from "./errors.js";
import { rows, type Row, type RowOptions } from "./rows.js";

/** How a query is kept up. */
export interface QueryOptions {
  /**
   * How long, in milliseconds, a query whose connection or replica was lost is asked for anew until an answer comes.
   * Zero is never. A query that was lost before its first answer is repeated as other calls are.
   *
   * The default is 30 s.
   */
  readonly reconnectMs?: number;
}

const RECONNECT_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** What becomes of a stream whose connection breaks, beside UNAVAILABLE. */
const OF_CONNECTIONS: ReadonlySet<Code> = new Set([Code.Aborted, Code.Canceled, Code.Internal, Code.Unknown]);

/**
 * Runs a query and yields its rows as they arrive, in the query's order.
 *
 * When the connection or the replica is lost, it goes on behind the last row; no row comes twice and none is left out.
 * The service reads on only as fast as the rows are taken. Leaving the loop cancels the call; Connect's own streams do
 * not do that by themselves.
 *
 * @throws ConnectError when the call fails, after the rows that came before; and what `rows` throws.
 */
export async function* queryRows(
  queries: Client<typeof QueryService>,
  request: MessageInitShape<typeof QueryRequestSchema>,
  options: RowOptions & QueryOptions & CallOptions = {},
): AsyncGenerator<Row> {
  for await (const response of queryResponses(queries, request, options)) {
    if (response.batch) {
      yield* rows(response.batch, options);
    }
  }
}

/**
 * Runs a query and yields the service's responses: batches of columns, or lines of JSON where the request asks for them.
 *
 * It goes on as `queryRows` does. A `timeoutMs` covers all calls together.
 *
 * @throws ConnectError when the call fails.
 */
export async function* queryResponses(
  queries: Client<typeof QueryService>,
  request: MessageInitShape<typeof QueryRequestSchema>,
  options: QueryOptions & CallOptions = {},
): AsyncGenerator<QueryResponse> {
  const asked = clone(QueryRequestSchema, create(QueryRequestSchema, request));
  const losses = new Losses(options);
  for (;;) {
    try {
      for await (const response of once(queries, asked, losses.callOptions())) {
        // A call that goes on behind the last row has nothing to say but that.
        const isEnd = losses.hasAnswer && !response.batch?.rowCount && response.jsonLines.length === 0;
        asked.resumeToken = response.resumeToken;
        losses.answered();
        if (!isEnd) {
          yield response;
        }
      }
      return;
    } catch (failure) {
      const pauseMs = asked.resumeToken === "" ? undefined : losses.pauseAfter(failure);
      if (pauseMs === undefined) {
        throw failure;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** One call, which is cancelled when its iterator is left. */
async function* once(
  queries: Client<typeof QueryService>,
  request: MessageInitShape<typeof QueryRequestSchema>,
  options: CallOptions,
): AsyncGenerator<QueryResponse> {
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const responses = queries.query(request, { ...options, signal })[Symbol.asyncIterator]();
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

/** The losses of one query: when it goes on, and when it is given up. */
class Losses {
  hasAnswer = false;
  readonly #options: QueryOptions & CallOptions;
  readonly #begun = performance.now();
  #lostAt: number | undefined;
  #attempts = 0;

  constructor(options: QueryOptions & CallOptions) {
    this.#options = options;
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
    const giveUpAt = this.#lostAt + (this.#options.reconnectMs ?? RECONNECT_MS);
    return now + pauseMs < giveUpAt ? pauseMs : undefined;
  }
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
