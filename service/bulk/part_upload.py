"""A part that a call of its own brings: it is uploaded, and written when a further call commits the load."""

from collections.abc import Sequence

from service import errors
from service.bulk.cutting.parts import Part
from service.bulk.desk import Desk
from service.bulk.ledger import DIGEST_BYTES, PartRecord
from service.bulk.running.job_steps import abort_quietly, upload


async def add_part(desk: Desk, part: Part) -> PartRecord:
    """Upload a part that a call of its own brings, without having it written.

    Args:
        desk: The load's.
        part: Its rows; the caller closes them.

    Raises:
        errors.MessageTooLarge: The load has as many parts as it takes.
        errors.SluicegateError: Salesforce refused, or could not be reached; the part's job is aborted, as it is when
            the call is cancelled.

    """
    record = PartRecord(part.start, part.end, part.digest[:DIGEST_BYTES])
    desk.ledger.add(record)
    opened: list[str] = []
    try:
        job = await upload(desk, part.content, part.delimiter, record.rows, opened.append)
    except BaseException:
        # No token names it, so nobody can commit it.
        for job_id in opened[-1:]:
            await abort_quietly(desk.client, job_id)
        raise
    record.begin_job(job, record.rows)
    return record


def only_part(parts: Sequence[Part]) -> Part:
    """Return the one part that the data of a call makes.

    Raises:
        errors.InvalidData: The data has no row.
        errors.MessageTooLarge: It makes several; they are closed.

    """
    if not parts:
        raise errors.InvalidData("the data has no row; send at least one after the header", row=0)
    if len(parts) > 1:
        for part in parts:
            part.content.close()
        first = parts[0]
        sizes = [part.content.size for part in parts]
        raise errors.MessageTooLarge(
            f"the data makes more than one part, of which the first takes {first.rows:,} rows; send at most that many "
            "in a call",
            metadata={"size_bytes": str(sum(sizes)), "limit_bytes": str(sizes[0])},
        )
    return parts[0]
