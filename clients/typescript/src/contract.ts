/** The contract as generated from `sluicegate/v1`: messages, enums and services under one name each. */

export * from "./gen/sluicegate/v1/bulk_load_pb.js";
export * from "./gen/sluicegate/v1/bulk_plan_pb.js";
export * from "./gen/sluicegate/v1/bulk_service_pb.js";
export * from "./gen/sluicegate/v1/deep_link_pb.js";
export * from "./gen/sluicegate/v1/deep_link_service_pb.js";
export * from "./gen/sluicegate/v1/error_reason_pb.js";
export * from "./gen/sluicegate/v1/field_value_pb.js";
export * from "./gen/sluicegate/v1/governor_pb.js";
export * from "./gen/sluicegate/v1/org_pb.js";
export * from "./gen/sluicegate/v1/org_service_pb.js";
export * from "./gen/sluicegate/v1/query_service_pb.js";
export * from "./gen/sluicegate/v1/record_batch_pb.js";
export * from "./gen/sluicegate/v1/record_operation_pb.js";
export * from "./gen/sluicegate/v1/record_pb.js";
export * from "./gen/sluicegate/v1/record_service_pb.js";
