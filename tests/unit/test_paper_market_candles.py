"""The candle market: the file's path at the right wall time, its past, and every bad file refused."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from brackets.venue.paper.candles import CandleMarket, load_candles
from brackets.venue.paper.market import BadMarket

HEADER = "timestamp,open,high,low,close,volume"
UP = "2024-01-01T00:00:00Z,100,110,90,105,60"
DOWN = "2024-01-01T00:05:00Z,104,106,80,85,3"
LATER = "2024-01-01T00:20:00Z,95,96,94,94,3"  # two bars are missing before it
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "candles" / "kraken_ETHUSD_5m.csv.gz"


def write(folder, *rows, name="kraken_ETHUSD_5m.csv", header=HEADER):
    path = folder / name
    text = "\n".join((header, *rows)) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def market(path, *, start="", speed="1"):
    return CandleMarket(load_candles(str(path)), start=start, speed=Decimal(speed))


@pytest.fixture
def three_bars(tmp_path):
    return write(tmp_path, UP, DOWN, LATER)


def last_after(source, seconds):
    return source.advance(Decimal(seconds))[0].last


@pytest.mark.parametrize(
    ("seconds", "price"),
    [
        (0, "100"),
        (60, "95"),  # half of the way to the low
        (120, "90"),  # a rising bar touches its low first
        (240, "110"),
        (270, "107.5"),
        (300, "104"),  # the next bar opens with a jump from 105
        (420, "106"),  # a falling bar touches its high first
        (540, "80"),
        (599, "84.92"),
        (600, "85"),  # no bar: the price holds
        (1199, "85"),
        (1200, "95"),
        (1500, "94"),  # the end of the file
        (10**9, "94"),
    ],
)
def test_the_price_is_where_the_file_says(three_bars, seconds, price):
    assert last_after(market(three_bars), seconds) == Decimal(price)


@pytest.mark.parametrize("step", ["0.25", "1", "7", "60"])
def test_the_price_does_not_depend_on_the_steps(three_bars, step):
    stepping, source = market(three_bars), None
    for number in range(1, 25):
        source = market(three_bars)
        assert stepping.advance(Decimal(step)) == source.advance(number * Decimal(step))


def test_speed_is_candle_seconds_a_wall_second(three_bars):
    assert last_after(market(three_bars, speed="60"), 2) == Decimal(90)
    assert last_after(market(three_bars, speed="0.5"), 240) == Decimal(90)


def test_a_thin_bar_has_a_wider_spread_and_less_depth_than_a_thick_one(tmp_path):
    source = market(write(tmp_path, UP.replace(",60", ",60000"), DOWN))
    thick, thin = source.ticks()[0], source.advance(Decimal(300))[0]
    assert thin.ask - thin.bid > thick.ask - thick.bid > 0
    assert thick.depth > thin.depth > 0


def test_prices_finer_than_the_tick_are_put_on_the_grid(tmp_path):
    path = write(tmp_path, "2024-01-01T00:00:00Z,3.00001,3.00001,3.0,3.0,1")
    assert market(path).ticks()[0].last == Decimal("3.00")


@pytest.mark.parametrize(
    "start",
    ["2024-01-01T00:02:00Z", "2024-01-01T00:02:00", "2024-01-01T01:02:00+01:00", "2024-01-01 00:02:00.000"],
)
def test_it_starts_where_it_is_told(three_bars, start):
    assert market(three_bars, start=start).ticks()[0].last == Decimal(90)


@pytest.mark.parametrize("name", ["kraken_XBTUSD_1h.csv", "kraken_BTCUSD_1h.csv.gz", "BTCUSD_60m.csv"])
def test_pair_and_length_come_from_the_name(tmp_path, name):
    source = market(write(tmp_path, UP, name=name))
    assert source.symbols == ("BTC/USD",)
    assert last_after(source, 1440) == Decimal(90)  # two fifths of an hour


def test_it_goes_on_from_a_stored_snapshot(three_bars):
    source = market(three_bars, start="2024-01-01T00:05:00Z")
    source.advance(Decimal("33.3"))
    other = market(three_bars)
    other.restore(json.loads(json.dumps(source.snapshot())))
    assert other.ticks() == source.ticks()
    assert other.history("ETH/USD", minutes=1, count=9) == source.history("ETH/USD", minutes=1, count=9)
    for _ in range(50):
        assert other.advance(Decimal("9.7")) == source.advance(Decimal("9.7"))


@pytest.mark.parametrize("change", [{"market": "synthetic"}, {"file": "kraken_SOLUSD_5m.csv.gz"}])
def test_it_refuses_the_snapshot_of_another_market(three_bars, change):
    source = market(three_bars)
    with pytest.raises(BadMarket, match="stored state is of the market"):
        source.restore(source.snapshot() | change)


@pytest.mark.parametrize("value", [None, "soon", "NaN", "Infinity", "-1", []])
@pytest.mark.parametrize("field", ["start", "position"])
def test_it_refuses_a_damaged_snapshot_and_changes_nothing(three_bars, field, value):
    source = market(three_bars)
    before = source.snapshot()
    with pytest.raises(BadMarket, match="damaged"):
        source.restore(before | {field: value})
    assert source.snapshot() == before


def shape(bar):
    return tuple(str(value) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume))


def test_its_past_is_the_bars_before_the_start(three_bars):
    source = market(three_bars, start="2024-01-01T00:10:00Z")
    whole = [
        ("100.00", "110.00", "90.00", "105.00", "60.00000000"),
        ("104.00", "106.00", "80.00", "85.00", "3.00000000"),
    ]
    assert [shape(bar) for bar in source.history("ETH/USD", minutes=5, count=2)] == whole
    assert [shape(bar) for bar in source.history("ETH/USD", minutes=5, count=720)] == whole
    assert [shape(bar) for bar in source.history("ETH/USD", minutes=5, count=1)] == whole[1:]
    assert [shape(bar) for bar in source.history("ETH/USD", minutes=10, count=5)] == [
        ("100.00", "110.00", "80.00", "85.00", "63.00000000")
    ]


def test_its_past_is_on_the_wall_scale(three_bars):
    source = market(three_bars, start="2024-01-01T00:10:00Z", speed="10")
    assert [bar.high for bar in source.history("ETH/USD", minutes=1, count=5)] == [Decimal(110)]


def test_its_past_never_knows_more_than_the_start(three_bars):
    """A start inside a bar: only the part of its path that has been counts, with its share of volume."""
    source = market(three_bars, start="2024-01-01T00:06:00Z")
    (bar,) = source.history("ETH/USD", minutes=6, count=1)
    assert shape(bar) == ("100.00", "110.00", "90.00", "105.00", "60.60000000")


def test_its_past_holds_the_price_where_bars_are_missing(three_bars):
    source = market(three_bars, start="2024-01-01T00:20:00Z")
    bars = source.history("ETH/USD", minutes=5, count=2)
    assert [shape(bar) for bar in bars] == [("85.00", "85.00", "85.00", "85.00", "0E-8")] * 2


def test_there_is_no_past_at_the_first_bar(three_bars):
    assert market(three_bars).history("ETH/USD", minutes=1, count=10) == ()


def test_minutes_within_a_bar_follow_its_path(three_bars):
    source = market(three_bars, start="2024-01-01T00:05:00Z")
    bars = source.history("ETH/USD", minutes=1, count=5)
    assert [bar.close for bar in bars] == [Decimal(p) for p in (95, 90, 100, 110, 105)]
    assert sum(bar.volume for bar in bars) == 60


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2024-01-01T00:05:00Z,nan,106,80,85,3", "not a finite number"),
        ("2024-01-01T00:05:00Z,104,Infinity,80,85,3", "not a finite number"),
        ("2024-01-01T00:05:00Z,104,106,-80,85,3", "not positive"),
        ("2024-01-01T00:05:00Z,104,106,0,85,3", "not positive"),
        ("2024-01-01T00:05:00Z,104,106,80,85,-3", "negative volume"),
        ("2024-01-01T00:05:00Z,104,79,80,85,3", "high below low"),
        ("2024-01-01T00:05:00Z,107,106,80,85,3", "outside low and high"),
        ("2024-01-01T00:05:00Z,104,106,80,,3", "not a number"),
        ("2024-01-01T00:05:00Z,104,1e999999,80,85,3", "out of range"),
        ("2024-01-01T00:05:00Z,104,106,80,85,1e30", "out of range"),
        ("2024-01-01T00:05:00Z,0.011,0.011,0.001,0.002,3", "too low"),
        ("2024-01-01T00:05:00Z,104,106,80", "4 columns"),
        ("yesterday,104,106,80,85,3", "yesterday"),
        ("2024-01-01T00:00:00Z,104,106,80,85,3", "begins before"),
        ("2024-01-01T00:04:00Z,104,106,80,85,3", "begins before"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_line(tmp_path, row, words):
    with pytest.raises(BadMarket, match=rf"^line 3 of the candle file .*{words}"):
        market(write(tmp_path, UP, row))


def test_missing_columns_are_refused(tmp_path):
    with pytest.raises(BadMarket, match=r"columns time,price; .*timestamp,open"):
        market(write(tmp_path, "1,2", header="time,price"))


def test_a_file_without_bars_is_refused(tmp_path):
    with pytest.raises(BadMarket, match="no bars"):
        market(write(tmp_path))


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "kraken_ETHUSD_5m.csv"
    path.touch()
    with pytest.raises(BadMarket, match="columns"):
        market(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadMarket, match="no such file"):
        market(tmp_path / "kraken_ETHUSD_5m.csv.gz")


@pytest.mark.parametrize("damage", ["not gzip", "cut", "flipped"])
def test_a_corrupt_gzip_is_refused(tmp_path, damage):
    path = write(tmp_path, UP, DOWN, name="kraken_ETHUSD_5m.csv.gz")
    whole = path.read_bytes()
    path.write_bytes(
        {
            "not gzip": b"timestamp,open\n",
            "cut": whole[:-12],
            "flipped": whole[:-8] + bytes([whole[-8] ^ 255]) + whole[-7:],  # the checksum
        }[damage]
    )
    with pytest.raises(BadMarket, match="cannot be read"):
        market(path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "kraken_ETHUSD_5m.csv"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(BadMarket, match="cannot be read"):
        market(path)


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "kraken_ETHUSD_5m.csv").mkdir()
    with pytest.raises(BadMarket, match="cannot be read"):
        market(tmp_path / "kraken_ETHUSD_5m.csv")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kraken_DOGEUSD_5m.csv", "unknown pair DOGEUSD"),
        ("kraken_ETHUSD.csv", "neither synthetic nor"),
        ("kraken_ETHUSD_0m.csv", "neither synthetic nor"),
        ("syntetic", "neither synthetic nor"),
    ],
)
def test_a_name_that_tells_no_known_pair_and_length_is_refused(tmp_path, name, words):
    with pytest.raises(BadMarket, match=words):
        market(write(tmp_path, UP, name=name))


@pytest.mark.parametrize("start", ["2023-12-31T23:59:59Z", "2024-01-01T00:25:00Z", "1970-01-01"])
def test_a_start_outside_the_file_is_refused_with_the_range(three_bars, start):
    with pytest.raises(BadMarket, match="from 2024-01-01T00:00:00Z to 2024-01-01T00:25:00Z"):
        market(three_bars, start=start)


def test_a_start_that_is_no_time_is_refused(three_bars):
    with pytest.raises(BadMarket, match="'tomorrow', which is not a time"):
        market(three_bars, start="tomorrow")


@pytest.mark.skipif(not REAL.is_file(), reason="the folder of real candles is not beside the project")
def test_the_fall_of_2024_08_05_comes_at_its_wall_time():
    """From 00:30 at 60 candle seconds a second: above 2,500 until 01:05, below 1,950 by 01:15."""
    source = market(REAL, start="2024-08-05T00:30:00Z", speed="60")
    prices = [last_after(source, 1) for _ in range(46)]  # prices[i] is i + 1 seconds after the start
    assert prices[34] > 2500  # 01:05
    assert min(prices) == prices[43] == Decimal("1911.81")  # 01:14, the low of the bar of 01:10
    assert min(prices[:35]) > 2450
    assert all(price == price.quantize(Decimal("0.01")) for price in prices)
    assert len(source.history("ETH/USD", minutes=1, count=720)) == 720
