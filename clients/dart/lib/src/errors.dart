/// The documented reason of a failed call.
library;

import 'package:grpc/grpc_or_grpcweb.dart' show GrpcError;
import 'package:grpc/protos.dart' as details;

import 'contract.dart';

const _domain = 'sluicegate';

/// One field of the request and what is wrong with it.
typedef FieldViolation = ({String field, String description});

/// Why a call failed, read from the details of a [GrpcError].
///
/// Branch on [reason]; messages are for people and change.
final class SluicegateException implements Exception {
  SluicegateException._(this.cause, details.ErrorInfo info)
    : reasonName = info.reason,
      reason = _reasonOf(info.reason),
      metadata = Map.unmodifiable(info.metadata);

  /// What the service says about a failure, or null if the failure did not come from the service: a lost connection, a
  /// proxy's answer, a bug.
  static SluicegateException? from(Object failure) {
    if (failure is! GrpcError) {
      return null;
    }
    for (final info in _details<details.ErrorInfo>(failure)) {
      if (info.domain == _domain) {
        return SluicegateException._(failure, info);
      }
    }
    return null;
  }

  /// The failure as gRPC gave it.
  final GrpcError cause;

  /// The reason; unspecified if this client is older than the reason.
  final ErrorReason reason;

  /// The reason as it was sent, for example `RECORD_NOT_FOUND`.
  final String reasonName;

  /// The facts documented under the reason.
  final Map<String, String> metadata;

  /// The gRPC code.
  int get code => cause.code;

  /// The fields at fault.
  List<FieldViolation> get violations => [
    for (final request in _details<details.BadRequest>(cause))
      for (final violation in request.fieldViolations) (field: violation.field_1, description: violation.description),
  ];

  /// When a repeat is worth trying, from the answer on; null when the service named no time.
  Duration? get retryAfter => retryAfterOf(cause);

  @override
  String toString() => '$reasonName: ${cause.message}';
}

/// How long the service asks to wait before a repeat; null when it does not say.
Duration? retryAfterOf(GrpcError failure) {
  for (final info in _details<details.RetryInfo>(failure)) {
    final delay = info.retryDelay;
    return Duration(seconds: delay.seconds.toInt(), microseconds: delay.nanos ~/ 1000);
  }
  return null;
}

Iterable<T> _details<T>(GrpcError failure) => (failure.details ?? const []).whereType<T>();

ErrorReason _reasonOf(String name) => ErrorReason.values.firstWhere(
  (reason) => reason.name == 'ERROR_REASON_$name',
  orElse: () => ErrorReason.ERROR_REASON_UNSPECIFIED,
);
