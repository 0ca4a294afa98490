/** The messages that a bulk load sends up. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BulkLoadHeaderSchema, BulkLoadRequestSchema } from "./contract.js";

/** What is loaded, and how. */
export type BulkHeader = MessageInitShape<typeof BulkLoadHeaderSchema>;

/** The bytes or the text of bulk data, cut anywhere. */
export type BulkData = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

type Up = MessageInitShape<typeof BulkLoadRequestSchema>;

const CHUNK_BYTES = 256 * 1024;

/**
 * The messages of one load: the header, then the data in pieces of at most 256 KiB.
 *
 * The data is read as fast as the service takes it. The load is committed when the data ends; if reading it throws, the
 * call is cancelled and nothing is written.
 */
export async function* bulkMessages(header: BulkHeader, data: BulkData): AsyncGenerator<Up> {
  yield { message: { case: "header", value: header } };
  const encoder = new TextEncoder();
  for await (const piece of data) {
    const bytes = typeof piece === "string" ? encoder.encode(piece) : piece;
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
