/** Columnar record batches as rows. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import { ColumnType, type Column, type QueryRequestSchema, type QueryService, type RecordBatch } from "./contract.js";

/** One cell of a row. Decimals, dates, dateTimes and times are text, as Salesforce writes them. */
export type Cell = null | boolean | number | bigint | string;

/** One row, by column name: `Name`, `Account.Name`, an alias, `expr0`. */
export type Row = Record<string, Cell>;

/** How rows are made. */
export interface RowOptions {
  /** What INT64 columns become. The default is number, which refuses values above 2^53. */
  readonly int64?: "number" | "bigint";
}

/**
 * The rows of a batch, in order.
 *
 * @throws RangeError if an int64 is not exact as a number, or a column does not hold one value a row.
 */
export function rows(batch: RecordBatch, options: RowOptions = {}): Row[] {
  const columns = batch.columns.map((column) => [column.name, cells(column, batch.rowCount, options)] as const);
  return Array.from({ length: batch.rowCount }, (_, index) =>
    // fromEntries defines properties, so that a column called `__proto__` is a column like any other.
    Object.fromEntries(columns.map(([name, column]) => [name, column[index] ?? null])),
  );
}

/**
 * Runs a query and yields its rows as they arrive, in the query's order.
 *
 * The service reads on only as fast as the rows are taken. Leaving the loop cancels the call; Connect's own streams do
 * not do that by themselves.
 *
 * @throws ConnectError when the call fails, after the rows that came before; and what `rows` throws.
 */
export async function* queryRows(
  queries: Client<typeof QueryService>,
  request: MessageInitShape<typeof QueryRequestSchema>,
  options: RowOptions & CallOptions = {},
): AsyncGenerator<Row> {
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const responses = queries.query(request, { ...options, signal })[Symbol.asyncIterator]();
  try {
    for (let next = await responses.next(); next.done !== true; next = await responses.next()) {
      if (next.value.batch) {
        yield* rows(next.value.batch, options);
      }
    }
  } finally {
    left.abort();
    // A stream that was cancelled keeps its timer, and so the process, until it is asked once more; it then only throws.
    await responses.next().catch(() => undefined);
  }
}

function cells(column: Column, rowCount: number, options: RowOptions): Cell[] {
  const result: Cell[] = [...typed(column, options)];
  if (result.length !== rowCount) {
    throw new RangeError(`column ${column.name} holds ${result.length} values for ${rowCount} rows`);
  }
  for (const index of column.nullRows) {
    if (index < 0 || index >= rowCount) {
      throw new RangeError(`column ${column.name} marks row ${index} of ${rowCount} as null`);
    }
    result[index] = null;
  }
  return result;
}

function typed(column: Column, { int64 = "number" }: RowOptions): readonly Cell[] {
  switch (column.type) {
    case ColumnType.INT64:
      return int64 === "bigint" ? column.int64Values : column.int64Values.map((item) => exact(item, column.name));
    case ColumnType.DOUBLE:
      return column.doubleValues;
    case ColumnType.BOOL:
      return column.boolValues;
    case ColumnType.STRING:
    case ColumnType.DECIMAL:
    case ColumnType.DATE:
    case ColumnType.DATETIME:
    case ColumnType.TIME:
      return column.stringValues;
    default:
      throw new RangeError(`column ${column.name} has a type (${column.type}) that this client does not know: update it`);
  }
}

function exact(item: bigint, name: string): number {
  const number = Number(item);
  if (!Number.isSafeInteger(number)) {
    throw new RangeError(`column ${name} holds a whole number above 2^53: ask for rows with { int64: "bigint" }`);
  }
  return number;
}
