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

  test('children become rows of their own, and several texts lists', () {
    final tags = Column(
      name: 'Tags',
      type: ColumnType.COLUMN_TYPE_STRINGS,
      nullRows: [0],
      childEnds: [0, 1],
      children: RecordBatch(
        rowCount: 1,
        columns: [Column(name: 'Tags', type: ColumnType.COLUMN_TYPE_STRING, stringValues: ['x'])],
      ),
    );
    final kids = Column(
      name: 'Kids',
      type: ColumnType.COLUMN_TYPE_BATCHES,
      childEnds: [0, 2],
      children: RecordBatch(rowCount: 2, columns: [tags]),
    );

    expect(rows(RecordBatch(rowCount: 2, columns: [kids])), [
      {'Kids': <Row>[]},
      {
        'Kids': [
          {'Tags': null},
          {
            'Tags': ['x'],
          },
        ],
      },
    ]);
  });

  test('children of no row are refused', () {
    final kids = Column(
      name: 'Kids',
      type: ColumnType.COLUMN_TYPE_BATCHES,
      childEnds: [0],
      children: RecordBatch(
        rowCount: 1,
        columns: [Column(name: 'Id', type: ColumnType.COLUMN_TYPE_STRING, stringValues: ['1'])],
      ),
    );

    expect(() => rows(RecordBatch(rowCount: 1, columns: [kids])), throwsFormatException);
  });

  test('a column that does not fit the batch is refused', () {
    final batch = RecordBatch(rowCount: 2, columns: [Column(name: 'Name', type: ColumnType.COLUMN_TYPE_STRING)]);

    expect(() => rows(batch), throwsFormatException);
  });
}
