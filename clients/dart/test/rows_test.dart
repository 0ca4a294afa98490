import 'package:fixnum/fixnum.dart';
import 'package:sluicegate/sluicegate.dart';
import 'package:test/test.dart';

void main() {
  test('columns become rows, with nulls where they are marked', () {
    final batch = RecordBatch(
      rowCount: 2,
      columns: [
        Column(name: 'Name', type: ColumnType.COLUMN_TYPE_STRING, stringValues: ['Curie', ''], nullRows: [1]),
        Column(name: 'Employees', type: ColumnType.COLUMN_TYPE_INT64, int64Values: [Int64(3), Int64(-4)]),
        Column(name: 'IsActive', type: ColumnType.COLUMN_TYPE_BOOL, boolValues: [true, false]),
      ],
    );

    final result = rows(batch);

    expect(result, [
      {'Name': 'Curie', 'Employees': 3, 'IsActive': true},
      {'Name': null, 'Employees': -4, 'IsActive': false},
    ]);
  });

  test('a column that does not fit the batch is refused', () {
    final batch = RecordBatch(rowCount: 2, columns: [Column(name: 'Name', type: ColumnType.COLUMN_TYPE_STRING)]);

    expect(() => rows(batch), throwsFormatException);
  });
}
