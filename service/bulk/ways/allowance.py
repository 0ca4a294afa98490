"""The batches that an org still takes today, asked for before a load spends them.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Limits": a job is processed in batches of 10,000 rows, 15,000 of
them in 24 hours; the rows of further ones are neither written nor told of, so a job that they do not suffice for must
not begin.
"""

from service import errors
from service.bulk.job import BulkClient

BATCH_ROWS = 10_000


class Allowance:
    """What one load may still use.

    Args:
        client: The org.
        org: Its configured name, for errors.

    """

    def __init__(self, client: BulkClient, *, org: str) -> None:
        self._client = client
        self._org = org
        self._left: int | None = None
        self._is_asked = False

    async def take(self, rows: int) -> None:
        """Set the batches of so many rows aside. Of no rows, as long as nobody knows how many there are, one is enough.

        Salesforce is asked once, and again when what it said does not suffice: the window of 24 hours moves.

        Raises:
            errors.AllocationExceeded: They do not suffice.
            errors.SluicegateError: Salesforce did not tell.

        """
        needed = max(-(-rows // BATCH_ROWS), 1)
        if not self._is_asked or (self._left is not None and self._left < needed):
            await self._ask()
        if self._left is None:
            return
        if self._left < needed:
            raise errors.AllocationExceeded(
                f"the org takes {self._left:,} more bulk batches of {BATCH_ROWS:,} rows today, {needed:,} are needed",
                metadata={"org": self._org, "limit": "DailyBulkApiBatches", "salesforce_error_code": "ExceededQuota"},
                retry_after_seconds=3600.0,
            )
        self._left -= needed if rows else 0

    async def has_any(self) -> bool:
        """Tell whether the org takes any batch today, as far as it tells. Salesforce is asked once.

        Raises:
            errors.SluicegateError: Salesforce did not tell.

        """
        if not self._is_asked:
            await self._ask()
        return self._left != 0

    async def _ask(self) -> None:
        self._left = await self._client.batches_left()
        self._is_asked = True
