"""Tokens of the private stream: none is bought twice, none is used twice, none costs an exit its look."""

from __future__ import annotations

from typing import cast

import pytest

from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.port import BudgetExhausted, Venue
from brackets.watch.tokens import KEPT_SECONDS, Tokens


class Till:
    """Sells tokens; an account whose budget is used up sells to the urgent alone."""

    def __init__(self) -> None:
        self.sold = 0
        self.budget_is_used_up = False

    def websocket_token(self, *, urgent: bool = False) -> str:
        if self.budget_is_used_up and not urgent:
            raise BudgetExhausted("the rate budget is used up")
        self.sold += 1
        return f"token {self.sold}"


class Desk:
    def __init__(self) -> None:
        self.till, self.pressed, self.now = Till(), False, 0.0
        self.tokens = Tokens(cast(Venue, self.till), pressed=lambda: self.pressed, monotonic=lambda: self.now)


def test_a_token_that_no_connection_used_is_kept() -> None:
    desk = Desk()
    assert [desk.tokens.take() for _ in range(5)] == ["token 1"] * 5
    assert desk.till.sold == 1


def test_a_token_that_was_said_opens_no_other_connection() -> None:
    desk = Desk()
    desk.tokens.spend(desk.tokens.take())
    assert desk.tokens.take() == "token 2"
    desk.tokens.spend("token 1")  # an older connection's
    assert desk.tokens.take() == "token 2"


def test_a_token_too_old_to_be_taken_is_not_kept() -> None:
    desk = Desk()
    desk.tokens.take()
    desk.now = KEPT_SECONDS - 1
    assert desk.tokens.take() == "token 1"
    desk.now = KEPT_SECONDS
    assert desk.tokens.take() == "token 2"


def test_the_reserve_buys_a_token_only_while_the_brackets_need_none_of_it() -> None:
    desk = Desk()
    desk.till.budget_is_used_up = True
    desk.pressed = True
    with pytest.raises(BudgetExhausted):
        desk.tokens.take()
    desk.pressed = False
    assert desk.tokens.take() == "token 1"


def test_a_session_tells_when_it_says_its_token() -> None:
    said: list[str] = []
    session = PrivateSession(token="a secret", now=0.0, said=lambda: said.append("said"))
    assert said == []
    assert "a secret" in session.openings()[0]
    assert said == ["said"]
