/** Bulk loads by calls, for those who cannot stream up: browsers. What tells of loads works everywhere. */

import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import type { BulkHeader } from "./bulk.js";
import { cutParts, type BulkSource } from "./bulk-data.js";
import {
  BulkFormat,
  BulkLoadHeaderSchema,
  BulkPartState,
  type BulkLoad,
  type BulkRowResult,
  type BulkService,
  type ListBulkLoadResultsRequestSchema,
} from "./contract.js";
import { Losses, pause, untilLeft } from "./streams.js";

/** BulkService without the call that streams up. */
export type UnaryBulk = Omit<Client<typeof BulkService>, "bulkLoad">;

/** How data is uploaded by calls. */
export interface UploadOptions {
  /**
   * Keeps the load's token after each part. When it returns, or what it returns is settled, the token has to be safe:
   * only then is the load committed.
   */
  readonly storeToken?: (token: string) => void | Promise<void>;
  /** The token of the load to go on with. What was uploaded before it was stored is not uploaded again. */
  readonly resumeToken?: string;
  /** How large a part may be, in bytes. The default is 4,000,000, about the most that a call takes. */
  readonly partBytes?: number;
  /** Is told how many bytes of parts were uploaded in this call, after each part. */
  readonly onUpload?: (bytes: number) => void;
}

const PART_BYTES = 4_000_000;
const RECONNECT_MS = 300_000;

/**
 * Uploads data in parts of whole rows, and has all of it written when it is complete.
 *
 * Nothing is written before, so that a load that broke off has written nothing; with its token it goes on where it was.
 * Each call is repeated by itself while the service is unavailable, and a part that arrived twice counts once. A load
 * takes at most 600 parts. `watchBulkLoad` then tells how it stands, and `bulkLoadResults` what became of the rows: by
 * `keyColumn`, which the header should name.
 *
 * @param header what to load, and how, as CSV or JSON Lines; the same where the load is gone on with.
 * @returns the load as it is committed, with its token.
 * @throws ConnectError when a call fails; RangeError if a row has no room in a part; and what reading or storing throws.
 */
export async function uploadBulkLoad(
  bulk: UnaryBulk,
  header: BulkHeader,
  source: BulkSource,
  options: UploadOptions & CallOptions = {},
): Promise<BulkLoad> {
  const { storeToken, resumeToken = "", partBytes = PART_BYTES, onUpload, ...call } = options;
  const asked = clone(BulkLoadHeaderSchema, create(BulkLoadHeaderSchema, header));
  if (asked.format === BulkFormat.RECORD_BATCH) {
    throw new TypeError("uploadBulkLoad sends bytes; load record batches by the service's bulkLoad");
  }
  const { org } = asked;
  const isNew = resumeToken === "";
  const known = await (isNew ? bulk.startBulkLoad({ org, header: asked }, call) : bulk.getBulkLoad({ org, resumeToken }, call));
  let token = known.load?.resumeToken ?? resumeToken;
  const parts = known.load?.parts ?? [];
  await storeToken?.(token);
  // Only what is complete is committed, so that nothing is left to upload.
  if (!parts.some(({ state }) => state !== BulkPartState.PREPARED)) {
    const nextByte = Number(parts.at(-1)?.endByte ?? 0n);
    let bytes = 0;
    for await (const data of cutParts(source, { csv: asked.format !== BulkFormat.JSON_LINES, partBytes, nextByte })) {
      const uploaded = await bulk.uploadBulkLoadPart({ org, header: asked, resumeToken: token, data }, call);
      token = uploaded.load?.resumeToken ?? token;
      await storeToken?.(token);
      bytes += data.length;
      onUpload?.(bytes);
    }
  }
  const { load } = await bulk.commitBulkLoad({ org, resumeToken: token }, call);
  if (load === undefined) {
    throw new TypeError("the service answered without a load");
  }
  return load;
}

/**
 * Tells how a load stands, at once and whenever that changes, until Salesforce works on no part of it.
 *
 * It goes on by itself when its connection is lost; then it tells at once again. Leaving the loop ends the call.
 *
 * @throws ConnectError when the call fails.
 */
export async function* watchBulkLoad(
  bulk: Pick<UnaryBulk, "watchBulkLoad">,
  request: { readonly org?: string; readonly resumeToken: string },
  options: { readonly reconnectMs?: number } & CallOptions = {},
): AsyncGenerator<BulkLoad> {
  const losses = new Losses({ timeoutMs: 0, ...options }, RECONNECT_MS);
  for (;;) {
    try {
      for await (const { load } of untilLeft((call) => bulk.watchBulkLoad(request, call), losses.callOptions())) {
        losses.answered();
        if (load) {
          yield load;
        }
      }
      return;
    } catch (failure) {
      const pauseMs = losses.pauseAfter(failure);
      if (pauseMs === undefined) {
        throw failure;
      }
      await pause(pauseMs);
    }
  }
}

/**
 * What became of the rows of a load's parts that are over, by their keys and without row numbers, in any order.
 *
 * Leaving the loop ends the call.
 *
 * @throws ConnectError when the call fails, after the rows that came before.
 */
export async function* bulkLoadResults(
  bulk: Pick<UnaryBulk, "listBulkLoadResults">,
  request: MessageInitShape<typeof ListBulkLoadResultsRequestSchema>,
  options: CallOptions = {},
): AsyncGenerator<BulkRowResult> {
  const responses = untilLeft((call) => bulk.listBulkLoadResults(request, call), { timeoutMs: 0, ...options });
  for await (const { rows } of responses) {
    yield* rows;
  }
}
