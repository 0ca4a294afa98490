/// The five services over one channel.
library;

import 'package:grpc/grpc_or_grpcweb.dart';
import 'package:grpc/service_api.dart';

import 'callers.dart';
import 'contract.dart';
import 'queries.dart';
import 'retries.dart';
import 'rows.dart';

/// Calls Sluicegate.
///
/// The methods here give each call a deadline and repeat it where it failed with UNAVAILABLE and a repeat is harmless: by
/// the contract, or because the request has a `requestId`, which another replica, or one that was restarted, knows only
/// where replicas share a store. [records], [queries], [bulk], [deepLinks] and [orgs] are the generated stubs without
/// either; loads that stream both ways go through [bulk], because they must not be repeated. Browsers cannot call them:
/// there, `uploadBulkLoad` loads.
final class Sluicegate {
  /// Calls over a channel of the caller's, which stays the caller's to close.
  ///
  /// [timeout] covers all attempts of a call. [options] go with every call, for example a metadata provider that adds
  /// `authorization`; they must hold no timeout.
  ///
  /// The org's API calls are shared and counted by [caller], a name to which operators give a weight and a cap, and when
  /// they run short calls of a [priority] of PRIORITY_BATCH are refused first, those of PRIORITY_INTERACTIVE last.
  factory Sluicegate(
    ClientChannel channel, {
    CallOptions? options,
    String? caller,
    Priority? priority,
    Duration timeout = const Duration(seconds: 30),
    RetryPolicy retries = const RetryPolicy(),
    Iterable<ClientInterceptor>? interceptors,
  }) => Sluicegate._(
    channel,
    options: CallOptions(metadata: whoCalls(caller, priority)).mergedWith(options),
    timeout: timeout,
    retries: retries,
    interceptors: interceptors,
  );

  Sluicegate._(
    this._channel, {
    required CallOptions options,
    required this.timeout,
    required this.retries,
    required Iterable<ClientInterceptor>? interceptors,
  }) : records = RecordServiceClient(_channel, options: options, interceptors: interceptors),
       queries = QueryServiceClient(_channel, options: options, interceptors: interceptors),
       bulk = BulkServiceClient(_channel, options: options, interceptors: interceptors),
       deepLinks = DeepLinkServiceClient(_channel, options: options, interceptors: interceptors),
       orgs = OrgServiceClient(_channel, options: options, interceptors: interceptors);

  /// Connects with the first call: gRPC in apps, gRPC-Web in browsers, both at one address (a proxy that speaks both).
  factory Sluicegate.connect(
    String host, {
    int port = 443,
    bool secure = true,
    CallOptions? options,
    String? caller,
    Priority? priority,
    Duration timeout = const Duration(seconds: 30),
    RetryPolicy retries = const RetryPolicy(),
  }) {
    final channel = GrpcOrGrpcWebClientChannel.toSingleEndpoint(host: host, port: port, transportSecure: secure);
    return Sluicegate(
      channel,
      options: options,
      caller: caller,
      priority: priority,
      timeout: timeout,
      retries: retries,
    );
  }

  final ClientChannel _channel;

  /// How long a call may take, all attempts together.
  final Duration timeout;

  /// When calls are repeated.
  final RetryPolicy retries;

  /// The generated stub of RecordService.
  final RecordServiceClient records;

  /// The generated stub of QueryService.
  final QueryServiceClient queries;

  /// The generated stub of BulkService.
  final BulkServiceClient bulk;

  /// The generated stub of DeepLinkService.
  final DeepLinkServiceClient deepLinks;

  /// The generated stub of OrgService.
  final OrgServiceClient orgs;

  /// Creates the record, or updates it if one with the external id exists.
  Future<UpsertRecordResponse> upsertRecord(UpsertRecordRequest request) =>
      _repeat((options) => records.upsertRecord(request, options: options));

  /// Creates the record. Repeated only with a `requestId`, because a repeat could create it twice.
  Future<CreateRecordResponse> createRecord(CreateRecordRequest request) =>
      _repeatIf(request.requestId, (options) => records.createRecord(request, options: options));

  /// Reads the record's fields; `fromValues` gives them as Dart values.
  Future<GetRecordResponse> getRecord(GetRecordRequest request) =>
      _repeat((options) => records.getRecord(request, options: options));

  /// Updates a record that exists.
  Future<UpdateRecordResponse> updateRecord(UpdateRecordRequest request) =>
      _repeat((options) => records.updateRecord(request, options: options));

  /// Moves the record to the recycle bin; one that is deleted already counts as done.
  Future<DeleteRecordResponse> deleteRecord(DeleteRecordRequest request) =>
      _repeat((options) => records.deleteRecord(request, options: options));

  /// Carries out up to 2,000 operations, each on its own, with one result for each. Repeated only with a `requestId`.
  Future<ApplyRecordsResponse> applyRecords(ApplyRecordsRequest request) =>
      _repeatIf(request.requestId, (options) => records.applyRecords(request, options: options));

  /// Carries out up to 500 operations that may refer to each other, all or none. Repeated only with a `requestId`.
  Future<ComposeRecordsResponse> composeRecords(ComposeRecordsRequest request) =>
      _repeatIf(request.requestId, (options) => records.composeRecords(request, options: options));

  /// Makes a signed link to a record.
  Future<CreateDeepLinkResponse> createDeepLink(CreateDeepLinkRequest request) =>
      _repeat((options) => deepLinks.createDeepLink(request, options: options));

  /// Makes up to 1,000 signed links, each on its own, with one result for each.
  Future<CreateDeepLinksResponse> createDeepLinks(CreateDeepLinksRequest request) =>
      _repeat((options) => deepLinks.createDeepLinks(request, options: options));

  /// Tells an app that was installed from a link, at its first start, which record it was installed for. A token works
  /// once; repeated only with a `requestId`, which gets the first answer again.
  Future<ClaimDeepLinkResponse> claimDeepLink(ClaimDeepLinkRequest request) =>
      _repeatIf(request.requestId, (options) => deepLinks.claimDeepLink(request, options: options));

  /// Tells what to open for a link or a record, best first, and why.
  Future<ResolveDeepLinkResponse> resolveDeepLink(ResolveDeepLinkRequest request) =>
      _repeat((options) => deepLinks.resolveDeepLink(request, options: options));

  /// Tells how a bulk load stands.
  Future<GetBulkLoadResponse> getBulkLoad(GetBulkLoadRequest request) =>
      _repeat((options) => bulk.getBulkLoad(request, options: options));

  /// Begins a bulk load whose data comes by calls.
  Future<StartBulkLoadResponse> startBulkLoad(StartBulkLoadRequest request) =>
      _repeat((options) => bulk.startBulkLoad(request, options: options));

  /// Uploads one part of such a load without having it written.
  Future<UploadBulkLoadPartResponse> uploadBulkLoadPart(UploadBulkLoadPartRequest request) =>
      _repeat((options) => bulk.uploadBulkLoadPart(request, options: options));

  /// Has all parts of such a load written that a token knows of; store the token first.
  Future<CommitBulkLoadResponse> commitBulkLoad(CommitBulkLoadRequest request) =>
      _repeat((options) => bulk.commitBulkLoad(request, options: options));

  /// Aborts what is not over of a bulk load.
  Future<CancelBulkLoadResponse> cancelBulkLoad(CancelBulkLoadRequest request) =>
      _repeat((options) => bulk.cancelBulkLoad(request, options: options));

  /// Tells in which order loads of related objects are to be run.
  Future<PlanBulkLoadsResponse> planBulkLoads(PlanBulkLoadsRequest request) =>
      _repeat((options) => bulk.planBulkLoads(request, options: options));

  /// Reads the org's limits.
  Future<GetLimitsResponse> getLimits(GetLimitsRequest request) =>
      _repeat((options) => orgs.getLimits(request, options: options));

  /// Tells how the service keeps to the org's limits, at once and then after each interval of the request; cancelling the
  /// subscription cancels the call. Not repeated: a replica that is to stop ends the watch, and another one answers a new
  /// one.
  Stream<OrgLimits> watchLimits(WatchLimitsRequest request) =>
      orgs.watchLimits(request).map((response) => response.limits);

  /// Runs a query and yields its rows as they arrive; cancelling the subscription cancels the call.
  ///
  /// When the connection or the replica is lost after the first answer, the query goes on behind the last row; no row
  /// comes twice and none is left out. It is given up when no answer comes for [reconnect]; zero is never to go on. A
  /// query may take longer than other calls, so it has a deadline only if [timeout] is given, which covers all its calls.
  Stream<Row> query(
    QueryRequest request, {
    Duration? timeout,
    Duration reconnect = const Duration(seconds: 30),
  }) async* {
    await for (final response in queryResponses(request, timeout: timeout, reconnect: reconnect)) {
      if (response.hasBatch()) {
        yield* Stream.fromIterable(rows(response.batch));
      }
    }
  }

  /// Runs a query and yields the service's responses: batches of columns, or lines of JSON where the request asks for
  /// them. It goes on as [query] does.
  Stream<QueryResponse> queryResponses(
    QueryRequest request, {
    Duration? timeout,
    Duration reconnect = const Duration(seconds: 30),
  }) => goingOn(
    request,
    (asked, left) => queries.query(asked, options: CallOptions(timeout: left)),
    timeout: timeout,
    reconnect: reconnect,
  );

  /// Tells how a query would be run, and what it would cost about. No row is read.
  Future<ExplainQueryResponse> explainQuery(ExplainQueryRequest request) =>
      _repeat((options) => queries.explainQuery(request, options: options));

  /// Closes the channel after the calls in flight.
  Future<void> close() => _channel.shutdown();

  Future<R> _repeat<R>(ResponseFuture<R> Function(CallOptions options) call) =>
      repeatUnavailable(call, timeout: timeout, policy: retries);

  Future<R> _repeatIf<R>(String requestId, ResponseFuture<R> Function(CallOptions options) call) =>
      repeatUnavailable(call, timeout: timeout, policy: requestId.isEmpty ? RetryPolicy.never : retries);
}
