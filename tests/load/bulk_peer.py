"""simple-salesforce's bulk2 as a process of its own: `python -m tests.load.bulk_peer URL FILE` says what it took."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import cast

from simple_salesforce.bulk2 import SFBulk2Handler

from tests.load.peer import simple_salesforce
from tests.load.processes import Server


def main(url: str, path: str) -> None:
    """Load a file as its documentation says, and print the seconds and the memory before and at most, in MiB."""
    peer = simple_salesforce(Server(0, {"url": url}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    # It waits before it first asks, also for what is over.
    done = cast("SFBulk2Handler", peer.bulk2).Lead.insert(csv_file=path, wait=0)
    seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = sum(int(job["numberRecordsProcessed"]) for job in done)
    expected = Path(path).read_bytes().count(b"\n") - 1
    if rows != expected:
        raise RuntimeError(f"simple-salesforce loaded {rows} of {expected} rows")
    print(json.dumps({"seconds": seconds, "idle_mib": before / 1024, "most_mib": most / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
