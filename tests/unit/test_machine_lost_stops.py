"""Stories of stops that somebody else cancels: replaced at once, then ever slower, nothing is sold for it."""

from __future__ import annotations

import pytest

from brackets.core.states import ExitReason, OrderStatus, State
from tests.unit.machine_story import Story

OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
NEXT = "place stop 1 at 95"


def lose(story: Story, stop: str, reason: str = "User requested") -> None:
    story.report(stop, CANCELED, reason=reason)


def come_back(story: Story, stop: str) -> None:
    """The stop intended last rests, as `stop`."""
    story.accept(story.newest, stop)
    story.report(stop, OPEN)
    assert story.state is State.BRACKET_ACTIVE


def canceled_twice() -> Story:
    """Protected, canceled, protected by a stop of ours (S2), canceled again a second later."""
    story = Story().protected()
    lose(story, "S")
    assert story.words == [NEXT]
    come_back(story, "S2")
    story.wait(1)
    lose(story, "S2")
    return story


def test_the_first_one_is_replaced_at_once() -> None:
    story = Story().protected()
    story.wait(1000)
    lose(story, "S")
    assert (story.state, story.words) == (State.ENTRY_FILLED, [NEXT])


def test_those_that_follow_soon_are_spaced_ever_wider_up_to_a_minute() -> None:
    story = canceled_twice()
    for number, pause in enumerate((5, 15, 30, 60, 60, 60, 60), start=3):
        assert story.words == []
        assert any(f"the next one follows in {pause} s" in alarm for alarm in story.alarms)
        story.wait(pause - 1)
        assert (story.state, story.words) == (State.ENTRY_FILLED, [])
        story.wait(1)
        assert story.words == [NEXT]
        come_back(story, f"S{number}")
        lose(story, f"S{number}")
    assert "exit" not in " ".join(story.log)


def test_one_canceled_before_it_was_seen_to_rest_counts_too_and_nothing_is_sold() -> None:
    story = canceled_twice()
    for number, pause in enumerate((5, 15, 30, 60, 60), start=3):
        story.wait(pause)
        assert story.words == [NEXT]
        story.accept(story.newest, f"S{number}")
        lose(story, f"S{number}")
    story.wait(59)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_after_five_quiet_minutes_it_is_forgotten() -> None:
    story = canceled_twice()
    story.wait(5)
    come_back(story, "S3")
    story.wait(301)
    lose(story, "S3")
    assert story.words == [NEXT]


def test_stops_canceled_together_are_one_time() -> None:
    """Everything canceled at once on the venue's page: nobody fights there."""
    story = Story().filled_in_parts("0.3", "0.3", "0.4")
    story.wait(1)
    for stop in ("S1", "S2", "S3"):
        lose(story, stop)
    story.wait(1)
    assert story.log[-1] == NEXT
    assert not any("follows in" in alarm for alarm in story.said)


def test_coins_that_are_gone_are_nobodys_wish() -> None:
    """The venue ends the stop for lack of coins: as ever, and after half a minute the rollback."""
    story = canceled_twice()
    story.wait(5)
    story.accept(story.newest, "S3")
    lose(story, "S3", reason="Validation failure (insufficient funds)")
    story.wait(1)
    assert story.words == [NEXT]


# --- until then both legs are in our hands -----------------------------------------------------------


def test_a_price_at_the_stop_meanwhile_sells() -> None:
    story = canceled_twice()
    story.wait(1, price="95")
    assert (story.bracket.exit_reason, story.words) == (ExitReason.STOP_LOSS, ["place exit 1"])


def test_a_last_price_at_the_stop_meanwhile_sells_too() -> None:
    story = canceled_twice()
    story.wait(1, price="96", last="95")
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_a_price_at_the_target_meanwhile_sells() -> None:
    story = canceled_twice()
    story.wait(1, price="110")
    assert (story.bracket.exit_reason, story.words) == (ExitReason.TAKE_PROFIT, ["place target 1"])


@pytest.mark.parametrize("price", ["95.01", "109.99", None])
def test_a_price_between_them_waits(price: str | None) -> None:
    story = canceled_twice()
    story.wait(1, price=price)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_nothing_is_sold_into_a_closed_market() -> None:
    story = canceled_twice()
    story.market = "cancel_only"
    story.wait(1, price="90")
    assert story.words == []


def test_somebody_who_wants_out_is_served_meanwhile() -> None:
    story = canceled_twice()
    story.close()
    assert story.words == ["place exit 1"]


# --- what is bounded as before -----------------------------------------------------------------------


def test_a_next_one_that_the_venue_never_shows_is_a_rollback_half_a_minute_after_it_was_due() -> None:
    story = canceled_twice()
    story.wait(5)
    story.unknown(story.newest)
    story.wait(29)
    assert story.state is State.ENTRY_FILLED
    story.wait(1)
    assert (story.state, story.bracket.exit_reason) == (State.EXITING, ExitReason.ROLLBACK)


def test_a_stop_that_fills_is_no_stop_somebody_canceled() -> None:
    story = canceled_twice()
    story.wait(5)
    come_back(story, "S3")
    story.report("S3", CANCELED, "0.5", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["place exit 0.5"])


def test_one_that_we_cancel_ourselves_is_not_counted() -> None:
    story = Story().protected()
    for number in range(3):  # an exit is refused for good, and the stop comes back
        story.touch()
        lose(story, "S" if number == 0 else f"S{number}")
        story.refuse(story.newest, "permission")
        assert story.words == [NEXT]
        come_back(story, f"S{number + 1}")
        story.wait(1000)
    assert not any("follows in" in alarm for alarm in story.said)
