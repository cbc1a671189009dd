"""Reading a request's body: small, exact, and strict.

Numbers become Decimals with every digit they were sent with; what JSON does not know (NaN, Infinity), the
same member twice and anything but one object are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from trading.api.problems import Problem

LARGEST_BODY = 64 * 1024


class ExactJsonParser(BaseParser):
    """A JSON object with exact numbers."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too_large",
                f"The body is larger than {LARGEST_BODY} bytes.",
                limit=str(LARGEST_BODY),
            )
        return parse_object(body)


def parse_object(body: bytes) -> dict[str, Any]:
    """The object a body holds; an empty body is an empty object. Raises Problem."""
    if not body.strip():
        return {}
    try:
        content = json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_int=whole,
            parse_constant=refuse_constant,
            object_pairs_hook=once_each,
        )
    except RecursionError:
        raise malformed("it is nested too deeply") from None
    except (ValueError, InvalidOperation) as error:
        raise malformed(str(error)) from None
    if not isinstance(content, dict):
        raise malformed("it must be one object, like {}")
    return content


def whole(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError("a number has more than 100 digits")
    return int(digits)


def refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a member is given twice")
    return content


def malformed(why: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "malformed_json", f"The body is no JSON this API takes: {why}.")
