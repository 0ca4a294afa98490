/// Dart values to the contract's FieldValue, and back.
library;

import 'dart:typed_data';

import 'package:fixnum/fixnum.dart';
import 'package:protobuf/well_known_types/google/protobuf/struct.pb.dart' show NullValue;

import 'contract.dart';

final _decimal = RegExp(r'^-?[0-9]+([.][0-9]+)?$');
final _date = RegExp(r'^[0-9]{4}-[0-9]{2}-[0-9]{2}$');

/// The FieldValue of a Dart value: null, bool, int, [Int64], double, String, [Uint8List], [DateTime], FieldValue, or an
/// iterable of them.
///
/// A [DateTime] becomes an instant in UTC; null writes null. [decimal], [date], [reference] and [nodeId] make the values
/// that no Dart type stands for. Throws [ArgumentError] for anything else, for doubles that are not finite and lists in
/// lists.
FieldValue value(Object? input) => switch (input) {
  null => FieldValue(nullValue: NullValue.NULL_VALUE),
  final FieldValue given => given,
  final bool given => FieldValue(boolValue: given),
  final int given => FieldValue(int64Value: Int64(given)),
  final Int64 given => FieldValue(int64Value: given),
  final double given when given.isFinite => FieldValue(doubleValue: given),
  final String given => FieldValue(stringValue: given),
  final Uint8List given => FieldValue(bytesValue: given),
  final DateTime given => FieldValue(datetimeValue: given.toUtc().toIso8601String()),
  final Iterable<Object?> given => _list(given),
  _ => throw ArgumentError.value(input, 'input', 'a field cannot take this'),
};

/// The `fields` of a record or the `parameters` of a query. A key that is absent leaves the field alone.
Map<String, FieldValue> values(Map<String, Object?> inputs) => inputs.map((name, input) => MapEntry(name, value(input)));

/// A decimal number as text, which reaches Salesforce digit for digit: use it for money and above 15 digits.
FieldValue decimal(String text) {
  if (text.length > 64 || !_decimal.hasMatch(text)) {
    throw ArgumentError.value(text, 'text', 'a decimal is digits with an optional sign and fraction');
  }
  return FieldValue(decimalValue: text);
}

/// A date, `2026-03-01`.
FieldValue date(String text) {
  if (!_date.hasMatch(text)) {
    throw ArgumentError.value(text, 'text', 'a date is written as 2026-03-01');
  }
  return FieldValue(dateValue: text);
}

/// A lookup given by external id; the field it is given for is the relationship, for example `Account` or `Parent__r`.
///
/// [object] is needed only where the lookup is polymorphic.
FieldValue reference(String field, String externalId, {String? object}) => FieldValue(
  referenceValue: RecordReference(externalId: ExternalId(field_1: field, value: externalId), object: object),
);

/// In ComposeRecords: the id of the record that the node of this [name] writes. The service refuses it everywhere else.
FieldValue nodeId(String name) => FieldValue(nodeValue: name);

/// The Dart value of a FieldValue. Decimals, dates and instants stay text, so that nothing is lost; int64 is [Int64].
///
/// Throws [ArgumentError] if no kind is set.
Object? fromValue(FieldValue field) => switch (field.whichKind()) {
  FieldValue_Kind.nullValue => null,
  FieldValue_Kind.boolValue => field.boolValue,
  FieldValue_Kind.int64Value => field.int64Value,
  FieldValue_Kind.doubleValue => field.doubleValue,
  FieldValue_Kind.stringValue => field.stringValue,
  FieldValue_Kind.decimalValue => field.decimalValue,
  FieldValue_Kind.bytesValue => field.bytesValue,
  FieldValue_Kind.referenceValue => field.referenceValue,
  FieldValue_Kind.listValue => [for (final item in field.listValue.values) fromValue(item)],
  FieldValue_Kind.dateValue => field.dateValue,
  FieldValue_Kind.datetimeValue => field.datetimeValue,
  FieldValue_Kind.nodeValue => field.nodeValue,
  FieldValue_Kind.notSet => throw ArgumentError('the FieldValue has no kind set'),
};

/// The `fields` of a record that was read, as [fromValue] gives each; null fields are there.
Map<String, Object?> fromValues(Map<String, FieldValue> fields) =>
    fields.map((name, field) => MapEntry(name, fromValue(field)));

FieldValue _list(Iterable<Object?> inputs) {
  final items = [for (final input in inputs) value(input)];
  if (items.any((item) => item.hasListValue())) {
    throw ArgumentError('lists do not nest');
  }
  return FieldValue(listValue: FieldValueList(values: items));
}
