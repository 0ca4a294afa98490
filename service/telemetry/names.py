"""Every span and attribute name, once.

RPC and HTTP names follow the OpenTelemetry semantic conventions 1.44; `sluicegate.` and `salesforce.` names are ours.
"""

RPC_SYSTEM = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_STATUS = "rpc.response.status_code"
ERROR_TYPE = "error.type"

HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
URL_TEMPLATE = "url.template"

REASON = "sluicegate.error.reason"
ORG = "sluicegate.org"

LANE = "sluicegate.lane"
BATCH_RECORDS = "sluicegate.batch.records"
BATCH_WAITED_MS = "sluicegate.batch.waited_ms"
BATCH_ATTEMPT = "sluicegate.batch.attempt"

LOAD_ID = "sluicegate.load.id"
LOAD_RESUMED = "sluicegate.load.resumed"
LOAD_PART = "sluicegate.load.part"
LOAD_ROWS = "sluicegate.load.rows"
LOAD_BYTES = "sluicegate.load.bytes"

LINK_PROVIDER = "sluicegate.link.provider"
SHORT_LINK_OUTCOME = "sluicegate.short_link.outcome"

SALESFORCE_JOB_ID = "salesforce.job.id"
SALESFORCE_JOB_STATE = "salesforce.job.state"
SALESFORCE_REQUEST_ID = "salesforce.request_id"
SALESFORCE_API_USED = "salesforce.api_requests.used"
SALESFORCE_API_MAXIMUM = "salesforce.api_requests.maximum"
