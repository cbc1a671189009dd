"""What the watch calls of the floors above it, by the names the settings give: imports run one way."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from importlib import import_module

from django.conf import settings

from brackets import storage
from brackets.models import Account

log = logging.getLogger("backstop.watch")


@functools.cache
def hook(path: str) -> Callable[[Account], None]:
    """A function of an upper floor, by the name the settings give."""
    module, _, name = path.rpartition(".")
    function: Callable[[Account], None] = getattr(import_module(module), name)
    return function


def run_hooks(account: Account) -> None:
    """What the upper floor does after every round: each by itself, so that one that fails does not
    keep the others (settlement!) from their turn."""
    for path in settings.WATCH_HOOKS:
        try:
            hook(path)(account)
        except Exception as error:
            if not storage.VOICE.tell(error):
                log.exception("hook %s failed; it is tried again", path)
