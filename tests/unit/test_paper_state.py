"""Where the paper venue's state lies, and what its file refuses."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from brackets.venue.paper.bars import KEPT
from brackets.venue.paper.market import BadMarket, build_market
from brackets.venue.paper.rules import Options
from brackets.venue.paper.state_path import paper_state_path
from brackets.venue.paper.store import BadState, Store
from brackets.venue.paper.venue import Beginning, PaperVenue

SQLITE, POSTGRES = "django.db.backends.sqlite3", "django.db.backends.postgresql"
NOW = Decimal("1700000000.5")


def venue_on(path, *, now=NOW, **texts):
    store = Store(path)
    try:
        market = build_market(**{"market": "", "start": "", "speed": "", "seed": ""} | texts)
        return PaperVenue(store=store, market=market, now=now, beginning=Beginning(), options=Options())
    except Exception:
        store.close()
        raise


def test_it_lies_beside_a_sqlite_database():
    path = paper_state_path({"ENGINE": SQLITE, "NAME": Path("/somewhere/db.sqlite3")})
    assert path == Path("/somewhere/db.sqlite3-venue.sqlite3")


def test_it_tells_postgres_databases_apart(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    server = {"ENGINE": POSTGRES, "HOST": "db", "PORT": "5432", "NAME": "one", "PASSWORD": "first"}
    paths = {
        paper_state_path(server | change)
        for change in ({}, {"PASSWORD": "second"}, {"NAME": "two"}, {"HOST": "other"}, {"PORT": "5433"})
    }
    assert len(paths) == 4  # a new password is no new world
    assert {path.parent for path in paths} == {tmp_path}


def test_each_mode_is_a_world_of_its_own():
    database = {"ENGINE": SQLITE, "NAME": Path("/somewhere/db.sqlite3")}
    assert paper_state_path(database, mode="paper") == Path("/somewhere/db.sqlite3-venue-paper.sqlite3")
    assert paper_state_path(database, mode="demo") == paper_state_path(database)


def test_it_goes_on_where_the_market_stood(tmp_path):
    path = tmp_path / "state.sqlite3"
    venue = venue_on(path)
    venue.tick(seconds=Decimal(5), now=NOW + 5)
    ticks = venue.engine.ticks
    venue.store.close()
    again = venue_on(path, now=NOW + 1000)
    assert again.engine.ticks == ticks
    assert not again.tick(seconds=Decimal(5), now=NOW + 1005)
    venue_ticks = again.engine.ticks
    assert venue_ticks != ticks
    again.store.close()


def test_it_never_lets_the_clock_go_back(tmp_path):
    venue = venue_on(tmp_path / "state.sqlite3")
    venue.tick(seconds=Decimal(1), now=NOW + 10)
    assert venue.at(NOW) == NOW + 10
    venue.store.close()
    assert venue_on(tmp_path / "state.sqlite3", now=NOW).at(NOW) == NOW + 10


def test_it_refuses_the_state_of_another_market(tmp_path):
    path = tmp_path / "state.sqlite3"
    venue_on(path).store.close()
    candles = tmp_path / "kraken_ETHUSD_5m.csv"
    candles.write_text(
        "timestamp,open,high,low,close,volume\n"
        "2024-01-01T00:00:00Z,100,110,90,105,5\n"
        "2024-01-01T00:05:00Z,105,106,80,85,5\n"
    )
    with pytest.raises(BadMarket, match="synthetic"):
        venue_on(path, market=str(candles))


def test_it_refuses_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "state.sqlite3"
    path.write_text("no database at all, but long enough to be looked at by SQLite" * 20)
    with pytest.raises(BadState, match="cannot be used"):
        Store(path)


def test_it_refuses_a_damaged_state_by_name(tmp_path):
    path = tmp_path / "state.sqlite3"
    venue_on(path).store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE state SET body = '{}' WHERE name = 'engine'")
    with pytest.raises(BadState, match="damaged"):
        venue_on(path)


def test_it_refuses_a_second_user_of_a_file_until_the_first_is_done(tmp_path):
    first = Store(tmp_path / "state.sqlite3")
    with pytest.raises(BadState, match="in use"):
        Store(tmp_path / "state.sqlite3")
    first.close()
    Store(tmp_path / "state.sqlite3").close()


def test_it_stores_all_of_a_step_or_nothing(tmp_path):
    venue = venue_on(tmp_path / "state.sqlite3")
    venue.engine.deposit(asset="XETH", amount=Decimal(1), now=NOW)
    changes = venue.engine.take_changes()
    changes.entries.append(changes.entries[0])  # the second insert of the same entry fails
    with pytest.raises(sqlite3.IntegrityError):
        venue.store.commit(changes, state={"engine": {"spoiled": True}}, nonce=("k", 5))
    assert venue.store.read("engine") != {"spoiled": True}
    assert venue.store.nonces() == {}
    venue.reload()
    assert venue.engine.account.balance("XETH") == 0
    venue.store.close()


def test_it_drops_the_bars_that_no_answer_can_reach(tmp_path):
    venue = venue_on(tmp_path / "state.sqlite3")
    for hour in range(1, 14):
        for minute in range(60):
            venue.candles.add(venue.market.ticks(), now=NOW + hour * 3600 + minute * 60, seconds=Decimal(1))
        venue.commit_by_hand()
    symbol = venue.market.symbols[0]
    stored = venue.store.bars(symbol=symbol, minutes=1, limit=10_000)
    assert KEPT <= len(stored) <= KEPT + 60
    assert len(venue.store.bars(symbol=symbol, minutes=60, limit=100)) >= 11
    venue.store.close()


def test_many_pairs_are_stored_once_a_second_and_with_every_change(tmp_path, monkeypatch):
    monkeypatch.setattr("brackets.venue.paper.venue.MANY_PAIRS", 1)
    venue = venue_on(tmp_path / "state.sqlite3")
    venue.tick(seconds=Decimal(1), now=NOW + 2)
    kept = venue.store.read("market")
    venue.tick(seconds=Decimal("0.25"), now=NOW + Decimal("2.25"))
    assert venue.store.read("market") == kept
    venue.tick(seconds=Decimal("0.75"), now=NOW + 3)
    assert venue.store.read("market") != kept
    venue.engine.deposit(asset="ZUSD", amount=Decimal(1), now=NOW + 3)
    kept = venue.store.read("market")
    venue.tick(seconds=Decimal("0.25"), now=NOW + Decimal("3.25"))
    assert venue.store.read("market") != kept
    venue.store.close()
