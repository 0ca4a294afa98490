/// The client of Sluicegate, for Dart and Flutter.
library;

export 'src/bulk.dart';
export 'src/bulk_data.dart';
export 'src/client.dart';
export 'src/contract.dart';
export 'src/errors.dart' show FieldViolation, SluicegateException;
export 'src/retries.dart' show RetryPolicy;
export 'src/rows.dart';
export 'src/values.dart';
