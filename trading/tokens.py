"""API tokens: made once, shown once, kept as a digest.

A token is 256 random bits, so its plain SHA-256 cannot be guessed back and needs no salt; looking the
digest up compares nothing secret byte by byte.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from risk import journal
from trading.models import ApiToken

USE_NOTED_EVERY = timedelta(minutes=1)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(user: AbstractBaseUser, *, actor: str) -> str:
    """A new token with all of the user's rights; earlier ones stay valid. It cannot be shown again."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        kept = ApiToken.objects.create(user=user, digest=digest(token))
        note(kept, "api_token.issue", actor)
    return token


def revoke(kept: ApiToken, *, actor: str) -> bool:
    """End a token for good. False when it was revoked before."""
    with transaction.atomic():
        now = timezone.now()
        if not ApiToken.objects.filter(pk=kept.pk, revoked_at=None).update(revoked_at=now):
            return False
        note(kept, "api_token.revoke", actor)
    return True


def note(kept: ApiToken, action: str, actor: str) -> None:
    journal.write(
        at=timezone.now(),
        actor=actor,
        action=action,
        subject=f"api token {kept.pk}",
        payload={"user": kept.user.get_username()},
    )


def holder_of(token: str) -> ApiToken | None:
    """The kept token with its user; None when it is unknown, revoked, or its user may not log in."""
    found = ApiToken.objects.select_related("user").filter(digest=digest(token), revoked_at=None).first()
    if found is None or not found.user.is_active:
        return None
    now = timezone.now()
    # Noted once a minute: a script that polls must not make a write of every read.
    if found.last_used_at is None or now - found.last_used_at > USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found
