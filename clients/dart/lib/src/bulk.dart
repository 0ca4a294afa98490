/// Bulk loads by calls, which apps and browsers can make.
library;

import 'dart:async';

import 'bulk_data.dart';
import 'client.dart';
import 'contract.dart';

/// The most that a call takes, less room for its header and token.
const _partBytes = 4000000;

/// Loads whose data goes up call by call, and what tells of loads.
extension BulkLoads on Sluicegate {
  /// Uploads data in parts of whole rows, and has all of it written when it is complete.
  ///
  /// Nothing is written before, so that a load that broke off has written nothing. [storeToken] keeps its token, which has
  /// to be safe when it returns; with the last one as [resumeToken] and the same [header] and [data] the load goes on, and
  /// what was uploaded is not uploaded again. Each call is repeated by itself while the service is unavailable, and a part
  /// that arrived twice counts once. A load takes at most 600 parts of [partBytes]. [onUpload] is told how many bytes of
  /// parts went up so far.
  ///
  /// [header] says what to load, and how, as CSV or JSON Lines. [watchBulkLoad] then tells how the load stands, and
  /// [bulkLoadResults] what became of its rows: by the header's `keyColumn`.
  ///
  /// Throws a [FormatException] if a row has no room in a part, an [ArgumentError] if the header asks for record batches,
  /// and what [data] and [storeToken] throw.
  Future<BulkLoad> uploadBulkLoad(
    BulkLoadHeader header,
    Stream<List<int>> data, {
    String resumeToken = '',
    FutureOr<void> Function(String token)? storeToken,
    int partBytes = _partBytes,
    void Function(int bytes)? onUpload,
  }) async {
    if (header.format == BulkFormat.BULK_FORMAT_RECORD_BATCH) {
      throw ArgumentError.value(header.format, 'header', 'has its rows in record batches, which are not uploaded so');
    }
    final org = header.org;
    final BulkLoad known;
    if (resumeToken.isEmpty) {
      known = (await startBulkLoad(StartBulkLoadRequest(org: org, header: header))).load;
    } else {
      known = (await getBulkLoad(GetBulkLoadRequest(org: org, resumeToken: resumeToken))).load;
    }
    var token = known.resumeToken;
    await storeToken?.call(token);
    // Only what is complete is committed, so that nothing is left to upload.
    if (known.parts.every((part) => part.state == BulkPartState.BULK_PART_STATE_PREPARED)) {
      var bytes = 0;
      final parts = cutParts(
        data,
        csv: header.format != BulkFormat.BULK_FORMAT_JSON_LINES,
        partBytes: partBytes,
        nextByte: known.parts.isEmpty ? 0 : known.parts.last.endByte.toInt(),
      );
      await for (final part in parts) {
        final request = UploadBulkLoadPartRequest(org: org, header: header, resumeToken: token, data: part);
        token = (await uploadBulkLoadPart(request)).load.resumeToken;
        await storeToken?.call(token);
        bytes += part.length;
        onUpload?.call(bytes);
      }
    }
    return (await commitBulkLoad(CommitBulkLoadRequest(org: org, resumeToken: token))).load;
  }

  /// Tells how a load stands, at once and whenever that changes, until Salesforce works on no part of it.
  ///
  /// Cancelling the subscription ends the call. Not repeated: where the replica stops, the token begins a new one.
  Stream<BulkLoad> watchBulkLoad(WatchBulkLoadRequest request) =>
      bulk.watchBulkLoad(request).map((response) => response.load);

  /// What became of the rows of a load's parts that are over, by their keys and without row numbers, in any order.
  Stream<BulkRowResult> bulkLoadResults(ListBulkLoadResultsRequest request) =>
      bulk.listBulkLoadResults(request).expand((response) => response.rows);
}
