"""The figures of benchmarks: medians, ranks and lines of the venue's log are read rightly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.figures import Figure, figure, number, ratio, table
from benchmarks.venue_log import NotSeen, VenueLog, of, parsed
from brackets.venue.paper.forms import Form
from brackets.venue.paper.journal import Journal, request_line

AT = Decimal("1795270000.125")


def test_p99_of_few_samples_is_the_largest() -> None:
    assert figure([3.0, 1.0, 2.0]) == Figure(n=3, median=2.0, p99=3.0, worst=3.0)


def test_p99_of_many_samples_leaves_the_last_hundredth_out() -> None:
    assert figure([float(value) for value in range(1, 201)]) == Figure(
        n=200, median=100.5, p99=198.0, worst=200
    )


def test_of_no_samples_there_is_no_figure() -> None:
    assert figure([]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (0.0264, "0.026"), (1.5, "1.50"), (83.96, "84.0"), (1599.2, "1,599")],
)
def test_numbers_have_the_digits_that_say_something(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_ratio_to_nothing_is_none() -> None:
    assert (ratio(6, 3), ratio(6, 0), ratio(None, 3)) == ("2.00×", "–", "–")


def test_a_table_is_markdown_with_straight_columns() -> None:
    assert table(["what", "n"], [["a", "1"], ["long", "10"]]).splitlines() == [
        "| what |  n |",
        "|------|---:|",
        "| a    |  1 |",
        "| long | 10 |",
    ]


def test_lines_are_read_as_the_venue_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "venue.log"
    journal = Journal(path, stdout=None)
    placing = Form({"type": "sell", "volume": "0.1"})
    journal.write(AT, request_line("AddOrder", placing, outcome="txid=OAAAAA-AAAAA-AAAAAA"))
    journal.write(AT, request_line("CancelOrder", Form({"txid": "OB"}), outcome="error=EOrder:Unknown order"))
    journal.close()
    log = VenueLog(path)
    placed, canceled = log.lines()
    assert datetime.fromtimestamp(placed.at / 1000, UTC).microsecond == 125_000
    assert (placed.verb, placed.field("type"), placed.placed) == ("AddOrder", "sell", "OAAAAA-AAAAA-AAAAAA")
    assert canceled.placed == ""
    assert log.wait("CancelOrder", of(["OB"]), seconds=0) == canceled


def test_what_was_before_the_mark_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "venue.log"
    path.write_text("2026-11-21T12:00:00.000Z FILL txid=OA volume=1\n2026-11-21T12:00:01.000Z FILL txid=OB")
    log = VenueLog(path)
    log.mark()
    with pytest.raises(NotSeen):
        log.wait("FILL", seconds=0)
    with path.open("a") as file:
        file.write(" volume=2\n")  # the line that was half written
    assert log.wait("FILL", seconds=0) == parsed("2026-11-21T12:00:01.000Z FILL txid=OB volume=2")
