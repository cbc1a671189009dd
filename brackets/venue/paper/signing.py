"""Kraken's API-Sign: base64(HMAC-SHA512(key, path + SHA256(nonce + body))), compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac


def api_sign(*, secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """The signature of a request; `secret` is the decoded private key, `body` exactly as sent."""
    digest = hashlib.sha256(nonce.encode("utf-8", "replace") + body).digest()
    return base64.b64encode(hmac.new(secret, path.encode() + digest, hashlib.sha512).digest()).decode()


def is_signed(*, secret: bytes, path: str, nonce: str, body: bytes, signature: str) -> bool:
    expected = api_sign(secret=secret, path=path, nonce=nonce, body=body)
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def decoded_key(private_key: str) -> bytes:
    """The private key as bytes. Raises ValueError when it is no base64 text."""
    try:
        secret = base64.b64decode(private_key, validate=True)
    except binascii.Error:
        secret = b""
    if not secret:
        raise ValueError("the private key is not base64 text")
    return secret
