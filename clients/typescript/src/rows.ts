/** Columnar record batches as rows. */

import { ColumnType, type Column, type RecordBatch } from "./contract.js";

/**
 * One cell of a row. Decimals, dates, dateTimes and times are text, as Salesforce writes them; several texts are an
 * array, and the records of a child subquery are rows, none of them where a record has no children.
 */
export type Cell = null | boolean | number | bigint | string | Uint8Array | readonly string[] | readonly Row[];

/** One row, by column name: `Name`, `Account.Name`, an alias, `expr0`. */
export interface Row {
  [column: string]: Cell;
}

/** How rows are made. */
export interface RowOptions {
  /** What INT64 columns become. The default is number, which refuses values above 2^53. */
  readonly int64?: "number" | "bigint";
}

/**
 * The rows of a batch, in order.
 *
 * @throws RangeError if an int64 is not exact as a number, a column does not hold one value a row, or it cannot be told
 * whose children are whose.
 */
export function rows(batch: RecordBatch, options: RowOptions = {}): Row[] {
  const columns = batch.columns.map((column) => [column.name, cells(column, batch.rowCount, options)] as const);
  return Array.from({ length: batch.rowCount }, (_, index) =>
    // fromEntries defines properties, so that a column called `__proto__` is a column like any other.
    Object.fromEntries(columns.map(([name, column]) => [name, column[index] ?? null])),
  );
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

function typed(column: Column, options: RowOptions): readonly Cell[] {
  const { int64 = "number" } = options;
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
    case ColumnType.BYTES:
      return column.bytesValues;
    case ColumnType.STRINGS:
      return groups(column, column.children?.columns[0]?.stringValues ?? []);
    case ColumnType.BATCHES:
      return groups(column, column.children ? rows(column.children, options) : []);
    default:
      throw new RangeError(`column ${column.name} has a type (${column.type}) that this client does not know: update it`);
  }
}

/** Each row's share of what all rows hold. */
function groups<T>(column: Column, items: readonly T[]): T[][] {
  let start = 0;
  const result = column.childEnds.map((end) => {
    if (end < start || end > items.length) {
      throw new RangeError(`column ${column.name} has children of a row that end at ${end}, behind ${start}`);
    }
    const group = items.slice(start, end);
    start = end;
    return group;
  });
  if (start !== items.length) {
    throw new RangeError(`column ${column.name} has ${items.length - start} children that belong to no row`);
  }
  return result;
}

function exact(item: bigint, name: string): number {
  const number = Number(item);
  if (!Number.isSafeInteger(number)) {
    throw new RangeError(`column ${name} holds a whole number above 2^53: ask for rows with { int64: "bigint" }`);
  }
  return number;
}
