"""What an operator sees of bulk loads: figures, spans and log lines, tied together by the load's id."""

from collections import Counter
from pathlib import Path

import pytest
from grpc import aio
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from structlog.testing import capture_logs

from service.app import App
from service.settings import LoadSettings
from tests.rpc.test_metrics import figures
from tests.support.loading import FileCaller, Left
from tests.support.service import free_ports, jwt_bearer, org_process

HEADER = pb.BulkLoadHeader(
    object="Lead",
    operation=nouns.BULK_OPERATION_INSERT,
    results=pb.BULK_RESULTS_ALL,
    commit=pb.BULK_COMMIT_BY_PART,
)
ROWS = b"LastName,Company\n" + b"".join(b"N%d,%s\n" % (row, b"" if row == 3 else b"Radium") for row in range(10))


class Keeping(InMemorySpanExporter):
    """Keeps what was exported when the service has shut it down."""

    def shutdown(self) -> None:
        """Keep everything."""


async def test_a_load_is_found_by_its_id_in_spans_logs_and_figures(tmp_path: Path):
    """A load that its caller leaves and goes on with is one load in everything, and each part and row counts once."""
    exporter, caller = Keeping(), FileCaller(HEADER, ROWS, tmp_path / "token")

    def leave(_response: pb.BulkLoadResponse) -> None:
        raise Left

    async with org_process() as process:
        prod = jwt_bearer(process).model_copy(update={"loads": LoadSettings(part_rows=5)})
        with capture_logs() as lines:
            async with App(free_ports(orgs={"prod": prod}), span_exporter=exporter) as app:
                assert app.addresses is not None
                async with aio.insecure_channel(app.addresses.grpc) as channel:
                    caller.before_commit = leave
                    with pytest.raises(Left):
                        await caller.call(BulkServiceStub(channel))
                    caller.before_commit = lambda response: None
                    await caller.call(BulkServiceStub(channel))
                found = await figures(app)
    assert caller.finished is not None
    load_id = caller.finished.load.load_id

    counted = {
        "loads_ended": found["sluicegate_loads_ended_total", "prod", "finished"],
        "resumed": found["sluicegate_loads_resumed_total", "prod"],
        "created": found["sluicegate_load_rows_total", "prod", "created"],
        "failed": found["sluicegate_load_rows_total", "prod", "failed"],
        "complete": found["sluicegate_load_jobs_ended_total", "prod", "JobComplete"],
        "at_work": found["sluicegate_load_parts_at_work", "prod"],
        "open": found["sluicegate_loads_open", "prod"],
        "spool": found["sluicegate_spool_bytes",],
    }
    expected = {"loads_ended": 1, "resumed": 1, "created": 9, "failed": 1, "complete": 2, "at_work": 0, "open": 0}
    assert {**expected, "spool": 0} == counted
    assert found["sluicegate_load_jobs_created_total", "prod"] >= 2
    assert found["sluicegate_load_bytes_total", "prod"] >= len(ROWS)
    spans = [dict(span.attributes or {}) | {"name": span.name} for span in exporter.get_finished_spans()]
    ours = [span for span in spans if span.get("sluicegate.load.id") == load_id]
    calls = [span["sluicegate.load.resumed"] for span in ours if str(span["name"]).endswith("BulkLoad")]
    parts = [span for span in ours if span["name"] == "bulk load part"]
    done = {span["sluicegate.load.part"] for span in parts if span.get("salesforce.job.state") == "JobComplete"}
    assert ([False, True], {1, 2}) == (calls, done)
    assert all(span["sluicegate.load.rows"] == 5 for span in parts)
    told = Counter(line["event"].removeprefix("bulk load ") for line in lines if line.get("load_id") == load_id)
    # When the call that was left is over nobody knows.
    assert {"accepted": 2, "broke off": 1, "part done": 2, "finished": 1} == told
    assert "Radium" not in str(lines) + str(spans)
