/** The five services over any transport. */

import { createClient, type Client, type Transport } from "@connectrpc/connect";
import { BulkService, DeepLinkService, OrgService, QueryService, RecordService } from "./contract.js";

/** One typed client for each service of the contract. */
export interface Services {
  readonly records: Client<typeof RecordService>;
  readonly queries: Client<typeof QueryService>;
  readonly bulk: Client<typeof BulkService>;
  readonly deepLinks: Client<typeof DeepLinkService>;
  readonly orgs: Client<typeof OrgService>;
}

/** The services over a transport of your own, an in-memory one in tests for example. */
export function servicesOver(transport: Transport): Services {
  return {
    records: createClient(RecordService, transport),
    queries: createClient(QueryService, transport),
    bulk: createClient(BulkService, transport),
    deepLinks: createClient(DeepLinkService, transport),
    orgs: createClient(OrgService, transport),
  };
}
