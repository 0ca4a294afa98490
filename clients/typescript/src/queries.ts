/** Queries that go on by themselves when their connection is lost. */

import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import { QueryRequestSchema, type QueryResponse, type QueryService } from "./contract.js";
import { rows, type Row, type RowOptions } from "./rows.js";
import { Losses, pause, untilLeft } from "./streams.js";

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
  const losses = new Losses(options, RECONNECT_MS);
  for (;;) {
    try {
      for await (const response of untilLeft((call) => queries.query(asked, call), losses.callOptions())) {
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
      await pause(pauseMs);
    }
  }
}
