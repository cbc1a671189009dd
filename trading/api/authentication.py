"""Who calls the API: `Authorization: Token …` or `Bearer …`."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from trading import tokens
from trading.models import ApiToken

SCHEMES = frozenset({b"token", b"bearer"})
LONGEST_TOKEN = 200


class ApiTokenAuthentication(BaseAuthentication):
    """No header is nobody; a header that names no valid token is refused with 401."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words:
            return None
        if words[0].lower() not in SCHEMES or len(words) != 2 or len(words[1]) > LONGEST_TOKEN:
            raise AuthenticationFailed("Send the header 'Authorization: Token <your token>'.")
        token = tokens.holder_of(words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed("The token is not valid: unknown, revoked, or its user is inactive.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Token realm="backstop"'
