import 'package:grpc/grpc.dart' show GrpcError;
import 'package:sluicegate/sluicegate.dart';
import 'package:sluicegate/src/queries.dart';
import 'package:test/test.dart';

void main() {
  const lost = GrpcError.unavailable('it drains');

  QueryResponse answer(int rowCount, String token) => QueryResponse(
    batch: RecordBatch(rowCount: rowCount),
    resumeToken: token,
  );

  test('a lost query goes on with the last token', () async {
    final calls = [
      [answer(2, 'behind 2')],
      [answer(1, 'behind 3')],
      [answer(0, 'behind 3')],
    ];
    final tokens = <String>[];

    final found = await goingOn(
      QueryRequest(soql: 'SELECT n FROM N'),
      (asked, left) async* {
        tokens.add(asked.resumeToken);
        yield* Stream.fromIterable(calls[tokens.length - 1]);
        if (tokens.length < calls.length) {
          throw lost;
        }
      },
      timeout: null,
      reconnect: const Duration(seconds: 30),
    ).toList();

    expect([for (final response in found) response.batch.rowCount], [2, 1]);
    expect(tokens, ['', 'behind 2', 'behind 3']);
  });

  test('what another call would not mend stands, and a loss where that was asked for', () async {
    Stream<QueryResponse> failing(GrpcError failure) async* {
      yield answer(1, 'behind 1');
      throw failure;
    }

    for (final (failure, reconnect) in [
      (const GrpcError.failedPrecondition('no'), const Duration(seconds: 30)),
      (lost, Duration.zero),
    ]) {
      final found = goingOn(
        QueryRequest(),
        (asked, left) => failing(failure),
        timeout: null,
        reconnect: reconnect,
      );

      await expectLater(found.toList(), throwsA(same(failure)));
    }
  });
}
