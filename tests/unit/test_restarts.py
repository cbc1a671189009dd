"""When a dead child is tried again, by a clock of the test's own."""

from config.supervisor.services import (
    FAST_RETRY_SECONDS,
    SLOW_RETRY_SECONDS,
    Restarts,
    backstop_services,
    local_url,
)


def die(restarts: Restarts, *, at: float, lived: float) -> float:
    return restarts.delay_after_death(started_at=at - lived, died_at=at)


def test_a_death_now_and_then_is_followed_by_a_quick_restart_for_ever() -> None:
    restarts = Restarts()
    assert {die(restarts, at=100.0 * n, lived=99) for n in range(1, 50)} == {FAST_RETRY_SECONDS}


def test_the_fifth_death_within_a_minute_makes_it_slow() -> None:
    restarts = Restarts()
    delays = [die(restarts, at=1000 + 14 * n, lived=13) for n in range(5)]
    assert delays == [FAST_RETRY_SECONDS] * 4 + [SLOW_RETRY_SECONDS]


def test_five_deaths_in_more_than_a_minute_do_not() -> None:
    restarts = Restarts()
    assert {die(restarts, at=1000 + 16 * n, lived=15) for n in range(20)} == {FAST_RETRY_SECONDS}


def test_slow_stays_slow_while_lives_are_short_although_its_deaths_are_now_rare() -> None:
    restarts = Restarts()
    for n in range(5):
        die(restarts, at=1000 + n, lived=1)
    assert {die(restarts, at=1100 + 31 * n, lived=1) for n in range(10)} == {SLOW_RETRY_SECONDS}


def test_one_life_of_a_minute_ends_it() -> None:
    restarts = Restarts()
    for n in range(5):
        die(restarts, at=1000 + n, lived=1)
    assert die(restarts, at=1200, lived=60) == FAST_RETRY_SECONDS
    assert die(restarts, at=1202, lived=1) == FAST_RETRY_SECONDS


def names(*, on_paper_venue: bool) -> list[str]:
    services = backstop_services(
        host="127.0.0.1", port=1, venue_port=2, on_paper_venue=on_paper_venue, cluster_stale_seconds=90
    )
    known = {service.name for service in services}
    assert all(service.waits_for in known | {None} for service in services)
    return [service.name for service in services]


def test_the_paper_venue_runs_only_where_the_mode_trades_on_it() -> None:
    assert names(on_paper_venue=True) == ["paper_venue", "web", "qcluster", "watch"]
    assert names(on_paper_venue=False) == ["web", "qcluster", "watch"]


def test_an_address_that_listens_everywhere_is_shown_as_one_that_can_be_opened() -> None:
    assert local_url("0.0.0.0", 5000) == "http://127.0.0.1:5000"
    assert local_url("::", 5000) == "http://[::1]:5000"
    assert local_url("10.0.0.7", 5000) == "http://10.0.0.7:5000"
