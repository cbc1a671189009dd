"""The independent auditor: judges from a venue's own log what the product did there.

    records.py        what happened, as plain records
    circumstances.py  what it is told beside the log, and how long what may last
    positions.py      coins and orders of each bracket
    owner.py          coins the owner moved beside the product
    quiet.py          the time that counts
    judge.py          the rules, read along the log
    leaving.py        … about what people want
    legs.py           … about what stands for coins, whatever goes wrong
    pace.py           … about repairs and storms
    starts.py         … about what a start must have seen
    told.py           … about what people are told
    closing.py        … about the end
    attention.py      how much of it could be judged
    book.py           the product's rows against the log
    paper_store.py    the log of a paper venue's own file

Nothing here imports anything of the product.
"""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.auditor.book import Book, compare
from tests.simulation.auditor.circumstances import (
    Bounds,
    Circumstances,
    Complaint,
    Handed,
    Wish,
    spans_between,
)
from tests.simulation.auditor.judge import Judge
from tests.simulation.auditor.paper_store import log_of_paper_store
from tests.simulation.auditor.records import VenueLog

__all__ = [
    "Book",
    "Bounds",
    "Circumstances",
    "Complaint",
    "Handed",
    "VenueLog",
    "Wish",
    "audit",
    "judged",
    "log_of_paper_store",
    "spans_between",
]


def audit(
    log: VenueLog,
    circumstances: Circumstances,
    *,
    book: Book | None = None,
    bounds: Bounds | None = None,
) -> list[Complaint]:
    """Everything that must not have been, in the order of time; empty when all was well."""
    judge = judged(log, circumstances, book=book, bounds=bounds)
    return sorted(judge.complaints, key=lambda complaint: complaint.at)


def judged(
    log: VenueLog,
    circumstances: Circumstances,
    *,
    book: Book | None = None,
    bounds: Bounds | None = None,
) -> Judge:
    """The judge after its work: its complaints, and how much it could attend to. With a book its rows say
    which orders belong together, which coins were handed over, and are held against the log."""
    if book is not None:
        circumstances = replace(
            circumstances,
            bracket_of={**book.bracket_of(), **circumstances.bracket_of},
            handed=[*circumstances.handed, *book.handed()],
        )
    judge = Judge(log, circumstances, bounds, book.snapshots if book is not None else ())
    judge.judge()
    if book is not None:
        compare(judge, book)
    return judge
