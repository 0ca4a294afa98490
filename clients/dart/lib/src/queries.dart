/// Queries that go on by themselves when their connection is lost.
library;

import 'dart:math';

import 'package:grpc/grpc_or_grpcweb.dart' show GrpcError, StatusCode;

import 'contract.dart';
import 'errors.dart';

const _firstPause = Duration(milliseconds: 100);
const _longestPause = Duration(seconds: 2);

/// What becomes of a stream whose connection breaks, beside UNAVAILABLE.
const _ofConnections = {StatusCode.internal, StatusCode.unknown};

/// Yields the responses of a query, from as many calls as it takes.
///
/// [call] makes one call, within what is left of the timeout. A query that is lost after an answer is asked for anew with
/// the last token, until no answer came for [reconnect]. [timeout] covers all calls.
Stream<QueryResponse> goingOn(
  QueryRequest request,
  Stream<QueryResponse> Function(QueryRequest asked, Duration? left) call, {
  required Duration? timeout,
  required Duration reconnect,
}) async* {
  final asked = request.deepCopy();
  final elapsed = Stopwatch()..start();
  final random = Random();
  var hasAnswer = false;
  var attempts = 0;
  Duration? lostAt;
  while (true) {
    try {
      await for (final response in call(asked, timeout == null ? null : timeout - elapsed.elapsed)) {
        // A call that goes on behind the last row has nothing to say but that.
        final isEnd = hasAnswer && response.batch.rowCount == 0 && response.jsonLines.isEmpty;
        asked.resumeToken = response.resumeToken;
        hasAnswer = true;
        attempts = 0;
        lostAt = null;
        if (!isEnd) {
          yield response;
        }
      }
      return;
    } on GrpcError catch (failure) {
      if (!hasAnswer || asked.resumeToken.isEmpty || !isLoss(failure)) {
        rethrow;
      }
      lostAt ??= elapsed.elapsed;
      final doubled = _firstPause * pow(2, min(attempts, 10));
      attempts += 1;
      // Random, so that the callers of a lost replica do not come back together.
      final pause = retryAfterOf(failure) ?? (doubled < _longestPause ? doubled : _longestPause) * random.nextDouble();
      final comesBack = elapsed.elapsed + pause;
      if (comesBack >= lostAt + reconnect || (timeout != null && comesBack >= timeout)) {
        rethrow;
      }
      await Future<void>.delayed(pause);
    }
  }
}

/// Whether a failure is that of a connection or a replica, and not the service's answer.
bool isLoss(GrpcError failure) =>
    failure.code == StatusCode.unavailable ||
    (_ofConnections.contains(failure.code) && SluicegateException.from(failure) == null);
