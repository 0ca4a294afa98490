/** What callers use wherever they run. */

export { bulkMessages, jsonLines, type BulkHeader } from "./bulk.js";
export * from "./bulk-calls.js";
export { cutParts, type BulkData, type BulkSource, type CutOptions } from "./bulk-data.js";
export { bulkLoad, type BulkLoadOptions } from "./bulk-load.js";
export * from "./contract.js";
export { SluicegateError, type FieldViolation } from "./errors.js";
export * from "./operations.js";
export type { CallDefaults } from "./options.js";
export * from "./queries.js";
export { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retries.js";
export * from "./rows.js";
export { servicesOver, type Services } from "./services.js";
export * from "./values.js";
export { Code, ConnectError } from "@connectrpc/connect";
