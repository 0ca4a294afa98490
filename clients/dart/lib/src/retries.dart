/// Repeats calls that failed with UNAVAILABLE. Dart's gRPC reads no service config, so this stands in for its retry policy.
library;

import 'dart:math';

import 'package:grpc/grpc_or_grpcweb.dart' show CallOptions, GrpcError, ResponseFuture, StatusCode;

import 'errors.dart';

/// When and how often a call is repeated.
final class RetryPolicy {
  /// Four attempts within about two seconds, unless told otherwise.
  const RetryPolicy({
    this.maxAttempts = 4,
    this.baseDelay = const Duration(milliseconds: 100),
    this.maxDelay = const Duration(seconds: 2),
  }) : assert(maxAttempts >= 1, 'a call is made at least once');

  /// Never repeats.
  static const never = RetryPolicy(maxAttempts: 1);

  /// How often a call is made at most, the first time included.
  final int maxAttempts;

  /// The longest pause before the second attempt; it doubles with each further attempt.
  final Duration baseDelay;

  /// The longest pause at all. A call whose answer asks for more is not repeated.
  final Duration maxDelay;

  /// How long to pause after the [attempt]th attempt failed, or null if the call must not be repeated.
  ///
  /// A pause that the service asks for is kept; otherwise pauses are random, so that the callers of a lost replica do
  /// not come back together.
  Duration? pauseAfter(int attempt, GrpcError failure, Random random) {
    if (failure.code != StatusCode.unavailable || attempt >= maxAttempts) {
      return null;
    }
    final asked = retryAfterOf(failure);
    if (asked != null) {
      return asked <= maxDelay ? asked : null;
    }
    final longest = baseDelay * pow(2, attempt - 1);
    return (longest < maxDelay ? longest : maxDelay) * random.nextDouble();
  }
}

/// Makes a call until it answers, fails for good, or [timeout] has passed since the first attempt began.
///
/// [call] must be harmless to repeat. It gets the options of one attempt: what is left of the timeout.
Future<R> repeatUnavailable<R>(
  ResponseFuture<R> Function(CallOptions options) call, {
  required Duration timeout,
  required RetryPolicy policy,
}) async {
  final random = Random();
  final elapsed = Stopwatch()..start();
  for (var attempt = 1; ; attempt += 1) {
    try {
      return await call(CallOptions(timeout: timeout - elapsed.elapsed));
    } on GrpcError catch (failure) {
      final pause = policy.pauseAfter(attempt, failure, random);
      if (pause == null || elapsed.elapsed + pause >= timeout) {
        rethrow;
      }
      await Future<void>.delayed(pause);
    }
  }
}
