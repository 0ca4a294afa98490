/// The contract as generated from `sluicegate/v1` by `generate.sh`.
library;

export 'gen/sluicegate/v1/bulk_load.pb.dart';
export 'gen/sluicegate/v1/bulk_plan.pb.dart';
export 'gen/sluicegate/v1/bulk_service.pbgrpc.dart' hide BulkServiceBase;
export 'gen/sluicegate/v1/deep_link.pb.dart';
export 'gen/sluicegate/v1/deep_link_service.pbgrpc.dart' hide DeepLinkServiceBase;
export 'gen/sluicegate/v1/error_reason.pb.dart';
export 'gen/sluicegate/v1/field_value.pb.dart';
export 'gen/sluicegate/v1/governor.pb.dart';
export 'gen/sluicegate/v1/org.pb.dart';
export 'gen/sluicegate/v1/org_service.pbgrpc.dart' hide OrgServiceBase;
export 'gen/sluicegate/v1/query_service.pbgrpc.dart' hide QueryServiceBase;
export 'gen/sluicegate/v1/record.pb.dart';
export 'gen/sluicegate/v1/record_batch.pb.dart';
export 'gen/sluicegate/v1/record_operation.pb.dart';
export 'gen/sluicegate/v1/record_service.pbgrpc.dart' hide RecordServiceBase;
