import 'dart:typed_data';

import 'package:fixnum/fixnum.dart';
import 'package:sluicegate/sluicegate.dart';
import 'package:test/test.dart';

void main() {
  test('values come back as they went in', () {
    final inputs = [
      null,
      true,
      Int64(-7),
      0.1,
      "O'Neil",
      Uint8List.fromList([0, 255]),
      ['a', null],
    ];

    final outputs = [for (final input in inputs) fromValue(value(input))];

    expect(outputs, inputs);
  });

  test('an instant is written in UTC', () {
    expect(value(DateTime.utc(2026, 3, 1)).datetimeValue, '2026-03-01T00:00:00.000Z');
  });

  test('a reference names the record by external id', () {
    final made = reference('Ext__c', 'A-1').referenceValue;

    expect(made.externalId.field_1, 'Ext__c');
    expect(made.externalId.value, 'A-1');
  });

  test('the id of a record of another node names the node', () {
    expect(nodeId('acc').nodeValue, 'acc');
  });

  test('the fields of a record are read, nulls included', () {
    final fields = values({'LastName': 'Curie', 'Fax': null, 'AnnualRevenue': decimal('12.50')});

    expect(fromValues(fields), {'LastName': 'Curie', 'Fax': null, 'AnnualRevenue': '12.50'});
  });

  test('what no field can take is refused', () {
    for (final input in [double.nan, Object(), [<int>[]]]) {
      expect(() => value(input), throwsArgumentError);
    }
    expect(() => decimal('1e9'), throwsArgumentError);
    expect(() => date('2026-3-1'), throwsArgumentError);
  });
}
