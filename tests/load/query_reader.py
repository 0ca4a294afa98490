"""A process that reads a query's rows with the Python client when it is told to, so that its memory can be watched.

It reads one row at first, prints a line when it is ready, waits for a line, reads, and prints how many rows came.
"""

import argparse
import asyncio
import json
import sys

import uvloop
from sluicegate import Client

from tests.load.static_upstream import SOQL


async def read(address: str, rows: int) -> None:
    """Read the rows of the static upstream through a service.

    Args:
        address: Where the service listens.
        rows: How many there are, a multiple of 2,000.

    """
    async with Client(address) as client:
        await _count(client, 1, rows)
        print(json.dumps({"ready": True}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps({"rows": await _count(client, 0, rows)}), flush=True)


async def _count(client: Client, most: int, rows: int) -> int:
    count = 0
    async for _ in client.query(SOQL.format(rows=rows), route="rest", max_rows=most):
        count += 1
    return count


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("address", help="where the service listens")
    arguments.add_argument("rows", type=int, help="how many rows there are, a multiple of 2,000")
    parsed = arguments.parse_args()
    uvloop.run(read(parsed.address, parsed.rows))
