import 'dart:math';

import 'package:fixnum/fixnum.dart';
import 'package:grpc/grpc.dart' show GrpcError;
import 'package:grpc/protos.dart' as details;
import 'package:sluicegate/sluicegate.dart';
import 'package:test/test.dart';

void main() {
  final asked = details.RetryInfo(retryDelay: details.Duration(seconds: Int64(1), nanos: 500000000));

  test('the reason is read from the details', () {
    final info = details.ErrorInfo(reason: 'UNKNOWN_ORG', domain: 'sluicegate');

    final error = SluicegateException.from(GrpcError.notFound('no', [info, asked]));

    expect(error?.reason, ErrorReason.ERROR_REASON_UNKNOWN_ORG);
    expect(error?.retryAfter, const Duration(milliseconds: 1500));
  });

  test('failures that are not of the service have no reason', () {
    expect(SluicegateException.from(StateError('lost')), isNull);
    expect(SluicegateException.from(const GrpcError.unavailable('proxy')), isNull);
  });

  test('only UNAVAILABLE is repeated, and only as often as the policy says', () {
    const policy = RetryPolicy(maxAttempts: 2);
    const unavailable = GrpcError.unavailable('draining');

    expect(policy.pauseAfter(1, unavailable, Random(1)), lessThanOrEqualTo(policy.baseDelay));
    expect(policy.pauseAfter(2, unavailable, Random(1)), isNull);
    expect(policy.pauseAfter(1, const GrpcError.aborted('locked'), Random(1)), isNull);
  });

  test('a pause that the service asks for is kept, unless it is too long', () {
    final unavailable = GrpcError.unavailable('busy', [asked]);

    expect(const RetryPolicy().pauseAfter(1, unavailable, Random(1)), const Duration(milliseconds: 1500));
    expect(const RetryPolicy(maxDelay: Duration(seconds: 1)).pauseAfter(1, unavailable, Random(1)), isNull);
  });
}
