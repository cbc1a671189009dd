"""The paper venue's candles: made of ticks, after the market's past, whole across a restart."""

from decimal import Decimal

from brackets.venue.paper.bars import INTERVALS, KEPT, Candles
from brackets.venue.paper.market import Bar
from tests.unit.paper_desk import ETH, tick

MIDNIGHT = 1_700_006_400  # a day's first second
PAST = Bar(open=Decimal(9), high=Decimal(12), low=Decimal(8), close=Decimal(10), volume=Decimal(3))


def candles(began_at=MIDNIGHT, past=3):
    return Candles(began_at=began_at, past=lambda symbol, minutes, count: (PAST,) * min(past, count))


def add(bars, at, last):
    bars.add([tick(last)], now=Decimal(at), seconds=Decimal(1))


def test_it_makes_a_minute_of_its_ticks():
    bars = candles(past=0)
    for second, last in ((0, "100"), (20, "105"), (40, "95"), (59, "101")):
        add(bars, MIDNIGHT + second, last)
    (bar,) = bars.read(ETH, minutes=1, now=Decimal(MIDNIGHT + 59))
    assert (bar.open, bar.high, bar.low, bar.close) == (100, 105, 95, 101)
    assert (bar.opened_at, bar.count, bar.volume) == (MIDNIGHT, 4, Decimal(400))
    assert bar.average == Decimal("100.25")


def test_it_puts_the_past_just_before_the_bar_of_the_first_moment():
    bars = candles(began_at=MIDNIGHT + 430)
    add(bars, MIDNIGHT + 430, "100")
    read = bars.read(ETH, minutes=5, now=Decimal(MIDNIGHT + 431))
    assert [bar.opened_at - MIDNIGHT for bar in read] == [-600, -300, 0, 300]
    assert [bar.close for bar in read] == [10, 10, 10, 100]


def test_it_answers_minutes_without_ticks_as_flat_bars():
    bars = candles(past=0)
    add(bars, MIDNIGHT, "100")
    add(bars, MIDNIGHT + 180, "90")
    read = bars.read(ETH, minutes=1, now=Decimal(MIDNIGHT + 300))
    assert [bar.opened_at - MIDNIGHT for bar in read] == [0, 60, 120, 180, 240, 300]
    assert [bar.close for bar in read] == [100, 100, 100, 90, 90, 90]
    assert [bar.count for bar in read] == [1, 0, 0, 1, 0, 0]


def test_it_adds_to_the_present_bar_when_the_clock_was_set_back():
    bars = candles(past=0)
    add(bars, MIDNIGHT + 60, "100")
    add(bars, MIDNIGHT + 10, "90")
    assert [bar.low for bar in bars.read(ETH, minutes=1, now=Decimal(MIDNIGHT + 60))] == [90]


def test_it_answers_no_more_than_are_kept_and_as_many_as_asked():
    bars = candles(past=10_000)
    add(bars, MIDNIGHT, "100")
    read = bars.read(ETH, minutes=60, now=Decimal(MIDNIGHT))
    assert len(read) == KEPT
    assert read[-1].close == 100
    assert bars.read(ETH, minutes=60, now=Decimal(MIDNIGHT), count=5) == read[-5:]


def test_it_agrees_between_intervals():
    bars = candles(past=0)
    for second in range(0, 3600, 30):
        add(bars, MIDNIGHT + second, str(100 + second % 700))
    now = Decimal(MIDNIGHT + 3599)
    (hour,) = bars.read(ETH, minutes=60, now=now)
    minutes = bars.read(ETH, minutes=1, now=now)
    assert (hour.open, hour.close) == (minutes[0].open, minutes[-1].close)
    assert hour.high == max(bar.high for bar in minutes)
    assert hour.volume == sum(bar.volume for bar in minutes)


def test_it_goes_on_from_what_was_stored():
    bars, stored = candles(), {}
    for second in range(0, 7200, 45):
        add(bars, MIDNIGHT + second, str(100 + second % 700))
        for symbol, minutes, _, text in bars.take_ended():
            stored.setdefault((symbol, minutes), []).append(text)
    again = candles(began_at=0)
    again.restore(
        bars.snapshot(),
        longer=bars.longer_snapshot(),
        ended=lambda symbol, minutes: stored.get((symbol, minutes), []),
    )
    for each in (bars, again):
        add(each, MIDNIGHT + 7230, "111")
    now = Decimal(MIDNIGHT + 7300)
    for minutes in INTERVALS:
        assert again.read(ETH, minutes=minutes, now=now) == bars.read(ETH, minutes=minutes, now=now)
