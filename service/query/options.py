"""How a caller wants a result to be read."""

from dataclasses import dataclass

LARGEST_PAGE = 2000
"""Most rows of a page (Salesforce REST API, "Query Options Header")."""
SMALLEST_PAGE = 200
"""Fewest rows of a page that may be asked for."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a result is read. A call that goes on has the same, but for the token."""

    batch_size: int = 0
    """Most rows in a batch; 0 means 2,000."""
    include_deleted: bool = False
    """Also read the recycle bin and archived activities."""
    max_rows: int = 0
    """Most rows to read, over all calls that belong together; 0 means all."""
    page_size: int = 0
    """Most rows of a page by REST; 0 leaves it to the service."""
    route: str = ""
    """The route that was asked for, as the contract names it; empty leaves it to the service."""
    row_format: str = ""
    """How the rows are written, as the contract names it; empty for columns."""
    resume_token: str = ""
    """Where to go on; empty to begin."""

    @property
    def rows_of_batch(self) -> int:
        """Most rows in a batch."""
        return self.batch_size or LARGEST_PAGE

    @property
    def rows_of_page(self) -> int:
        """How many rows of a page to ask for; Salesforce may send fewer."""
        wanted = self.page_size or self.rows_of_batch
        if self.max_rows:
            wanted = min(wanted, self.max_rows)
        return min(max(wanted, SMALLEST_PAGE), LARGEST_PAGE)
