/** Bulk loads that are committed part by part, and go on by themselves when their connection is lost (Node.js). */

import { clone, create } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import { dataMessages, type BulkHeader, type Up } from "./bulk.js";
import { bytesFrom, isRepeatable, type BulkSource, type Place } from "./bulk-data.js";
import { BulkCommit, BulkFormat, BulkLoadHeaderSchema, type BulkLoadResponse, type BulkService } from "./contract.js";
import { Losses, pause, untilLeft } from "./streams.js";

/** How a load is kept up. */
export interface BulkLoadOptions {
  /**
   * Keeps the load's token. When it returns, or what it returns is settled, the token has to be safe from a crash: only
   * then is a part committed. Without it the load goes on by itself, but not in another process.
   */
  readonly storeToken?: (token: string) => void | Promise<void>;
  /** The token of the load to go on with. */
  readonly resumeToken?: string;
  /**
   * How long, in milliseconds, the service may be away before the load is given up. Zero is never to go on.
   *
   * The default is five minutes.
   */
  readonly reconnectMs?: number;
}

const RECONNECT_MS = 300_000;
const FROM_THE_START: Place = { headerBytes: 0, nextByte: 0 };

/**
 * Loads rows, and yields what happens: `accepted`, `progress`, `prepared`, `results`, `partDone`, `finished`.
 *
 * Each part is committed as soon as it is uploaded and its token is stored, and goes on in Salesforce whatever becomes of
 * the call. Where the connection or the replica is lost the load goes on from the first part that is not done: no row is
 * lost and none is written twice. The same call with the last token does that in another process. Results of a part that
 * broke off come again; `partDone` says that a part's rows are complete, and its token is stored when the next event is
 * asked for. Leaving the loop cancels what is not committed. There is no deadline unless `timeoutMs` is given, which
 * covers all calls together.
 *
 * @param header what to load, and how; its `commit` and `resumeToken` are set here. Of the formats all but record batches.
 * @throws ConnectError when the load is refused or the service stays away; and what reading the data or storing throws.
 * @throws TypeError if results are to be repeated and there is no token: the rows would be written once more.
 */
export async function* bulkLoad(
  bulk: Pick<Client<typeof BulkService>, "bulkLoad">,
  header: BulkHeader,
  source: BulkSource,
  options: BulkLoadOptions & CallOptions = {},
): AsyncGenerator<BulkLoadResponse> {
  const asked = clone(BulkLoadHeaderSchema, create(BulkLoadHeaderSchema, header));
  asked.commit = BulkCommit.BY_PART;
  asked.resumeToken = options.resumeToken ?? "";
  if (asked.format === BulkFormat.RECORD_BATCH) {
    throw new TypeError("bulkLoad sends bytes; for record batches call the service's bulkLoad");
  }
  if (asked.repeatResults && asked.resumeToken === "") {
    throw new TypeError("repeatResults needs the resumeToken of the load whose results are to come again");
  }
  const keep = async (token: string): Promise<void> => {
    await options.storeToken?.(token);
    asked.resumeToken = token;
  };
  const losses = new Losses({ timeoutMs: 0, ...options }, RECONNECT_MS);
  for (;;) {
    const upload = new Upload(asked, source);
    try {
      for await (const response of untilLeft((call) => bulk.bulkLoad(upload.messages(), call), losses.callOptions())) {
        losses.answered();
        const { event, resumeToken } = response;
        if (event.case === "accepted" || event.case === "prepared") {
          await keep(resumeToken);
        }
        upload.heard(response);
        yield response;
        if (event.case === "partDone" || event.case === "finished") {
          await keep(resumeToken);
        }
      }
      return;
    } catch (failure) {
      if (upload.failure !== undefined) {
        throw upload.failure.reason;
      }
      const pauseMs = isRepeatable(source) ? losses.pauseAfter(failure) : undefined;
      if (pauseMs === undefined) {
        throw failure;
      }
      await pause(pauseMs);
    } finally {
      upload.end();
    }
  }
}

/** What one call sends: data, and commits between it and after it. */
class Upload {
  /** Why the data could not be read. */
  failure: { readonly reason: unknown } | undefined;
  readonly #header;
  readonly #source: BulkSource;
  readonly #waiting: Up[] = [];
  #place: Place | undefined;
  #isOver = false;
  /** Lets the sender look again. */
  #wake = (): void => undefined;

  constructor(header: ReturnType<typeof create<typeof BulkLoadHeaderSchema>>, source: BulkSource) {
    this.#header = clone(BulkLoadHeaderSchema, header);
    this.#source = source;
    this.#place = header.resumeToken === "" ? FROM_THE_START : undefined;
  }

  /** Takes note of an answer whose token is stored. */
  heard({ event, resumeToken }: BulkLoadResponse): void {
    if (event.case === "accepted") {
      const from = event.value.resumeFrom;
      this.#place ??= { headerBytes: Number(from?.headerBytes ?? 0n), nextByte: Number(from?.nextByte ?? 0n) };
    } else if (event.case === "prepared") {
      const part = event.value.part?.number ?? 0;
      this.#waiting.push({ message: { case: "commit", value: { part, resumeToken } } });
    } else if (event.case === "finished") {
      this.#isOver = true;
    }
    this.#wake();
  }

  /** Stops sending. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *messages(): AsyncGenerator<Up> {
    yield { message: { case: "header", value: this.#header } };
    while (this.#place === undefined && !this.#isOver) {
      await this.#news();
    }
    if (this.#place === undefined) {
      return;
    }
    const data = dataMessages(bytesFrom(this.#source, this.#place));
    try {
      yield* this.#merged(data);
    } catch (reason) {
      this.failure = { reason };
      throw reason;
    } finally {
      await data.return(undefined);
    }
  }

  async *#merged(data: AsyncGenerator<Up>): AsyncGenerator<Up> {
    let next: Promise<IteratorResult<Up>> | undefined;
    let hasEnded = false;
    while (!this.#isOver) {
      const commit = this.#waiting.shift();
      if (commit !== undefined) {
        yield commit;
        continue;
      }
      if (next === undefined && !hasEnded) {
        next = data.next();
        // It is looked at below; until then a failure is not one that nobody handles.
        next.catch(() => undefined);
      }
      const got = await (next ? Promise.race([next, this.#news()]) : this.#news());
      if (got !== undefined) {
        next = undefined;
        hasEnded = got.done === true;
        yield got.done ? { message: { case: "end", value: {} } } : got.value;
      }
    }
  }

  #news(): Promise<undefined> {
    return new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
    });
  }
}
