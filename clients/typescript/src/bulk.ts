/** The messages that a bulk load sends up. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { bytesFrom, type BulkData } from "./bulk-data.js";
import type { BulkLoadHeaderSchema, BulkLoadRequestSchema } from "./contract.js";

/** What is loaded, and how. */
export type BulkHeader = MessageInitShape<typeof BulkLoadHeaderSchema>;

/** A message up. */
export type Up = MessageInitShape<typeof BulkLoadRequestSchema>;

const CHUNK_BYTES = 256 * 1024;

/**
 * The messages of one load that its end commits: the header, then the data in pieces of at most 256 KiB.
 *
 * It takes one part, and cannot be gone on with; `bulkLoad` makes loads that can.
 * The data is read as fast as the service takes it. The load is committed when the data ends; if reading it throws, the
 * call is cancelled and nothing is written.
 */
export async function* bulkMessages(header: BulkHeader, data: BulkData): AsyncGenerator<Up> {
  yield { message: { case: "header", value: header } };
  yield* dataMessages(bytesFrom(data, { headerBytes: 0, nextByte: 0 }));
}

/** The messages of bytes, of at most 256 KiB each. */
export async function* dataMessages(data: AsyncIterable<Uint8Array>): AsyncGenerator<Up> {
  for await (const bytes of data) {
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      yield { message: { case: "data", value: bytes.slice(start, start + CHUNK_BYTES) } };
    }
  }
}

/**
 * Rows as JSON Lines, for a header with format `BulkFormat.JSON_LINES`.
 *
 * Null sets a field to null, an absent key leaves it alone, `{ Account: { Ext__c: "A-1" } }` is a lookup.
 *
 * @throws TypeError if a row holds what JSON cannot say, a bigint for example.
 */
export async function* jsonLines(source: Iterable<object> | AsyncIterable<object>): AsyncGenerator<string> {
  let lines = "";
  for await (const row of source) {
    lines += `${JSON.stringify(row)}\n`;
    if (lines.length >= CHUNK_BYTES) {
      yield lines;
      lines = "";
    }
  }
  if (lines !== "") {
    yield lines;
  }
}
