/// Columnar record batches as rows.
library;

import 'package:fixnum/fixnum.dart';

import 'contract.dart';

/// One row, by column name: `Name`, `Account.Name`, an alias, `expr0`.
///
/// Cells are null, bool, int, double, String or List<int> (bytes); decimals, dates, instants and times are text, as
/// Salesforce writes them. Several texts are a List<String>, and the records of a child subquery a List<Row>, empty where a
/// record has none.
typedef Row = Map<String, Object?>;

/// The rows of a batch, in order.
///
/// Throws [FormatException] if a column does not hold one value a row, is of a type that this client does not know, holds
/// a whole number that an int cannot (above 2^53 in a browser), or children of which it cannot be told whose they are.
List<Row> rows(RecordBatch batch) {
  final columns = [for (final column in batch.columns) (column.name, _cells(column, batch.rowCount))];
  return [
    for (var index = 0; index < batch.rowCount; index += 1) {for (final (name, cells) in columns) name: cells[index]},
  ];
}

List<Object?> _cells(Column column, int rowCount) {
  final cells = List<Object?>.of(_typed(column));
  if (cells.length != rowCount) {
    throw FormatException('column ${column.name} holds ${cells.length} values for $rowCount rows');
  }
  for (final index in column.nullRows) {
    if (index < 0 || index >= rowCount) {
      throw FormatException('column ${column.name} marks row $index of $rowCount as null');
    }
    cells[index] = null;
  }
  return cells;
}

Iterable<Object?> _typed(Column column) => switch (column.type) {
  ColumnType.COLUMN_TYPE_STRING ||
  ColumnType.COLUMN_TYPE_DECIMAL ||
  ColumnType.COLUMN_TYPE_DATE ||
  ColumnType.COLUMN_TYPE_DATETIME ||
  ColumnType.COLUMN_TYPE_TIME => column.stringValues,
  ColumnType.COLUMN_TYPE_INT64 => column.int64Values.map((item) => _exact(item, column.name)),
  ColumnType.COLUMN_TYPE_DOUBLE => column.doubleValues,
  ColumnType.COLUMN_TYPE_BOOL => column.boolValues,
  ColumnType.COLUMN_TYPE_BYTES => column.bytesValues,
  ColumnType.COLUMN_TYPE_STRINGS => _groups(column, _entries(column)),
  ColumnType.COLUMN_TYPE_BATCHES => _groups(column, rows(column.children)),
  _ => throw FormatException('column ${column.name} is of a type that this client does not know: update it'),
};

List<String> _entries(Column column) => [
  for (final entries in column.children.columns) ...entries.stringValues,
];

/// Each row's share of what all rows hold.
List<List<T>> _groups<T>(Column column, List<T> items) {
  final groups = <List<T>>[];
  var start = 0;
  for (final end in column.childEnds) {
    if (end < start || end > items.length) {
      throw FormatException('column ${column.name} has children of a row that end at $end, behind $start');
    }
    groups.add(items.sublist(start, end));
    start = end;
  }
  if (start != items.length) {
    throw FormatException('column ${column.name} has ${items.length - start} children that belong to no row');
  }
  return groups;
}

int _exact(Int64 item, String name) {
  final number = item.toInt();
  if (Int64(number) != item) {
    throw FormatException('column $name holds a whole number that an int cannot');
  }
  return number;
}
