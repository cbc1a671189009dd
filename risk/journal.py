"""The append-only, hash-chained journal: every change is written here in its own transaction.

`write` first locks the end of the chain. Everything a transaction inserts after that is therefore in
the journal's order on PostgreSQL too, which the event cursors of the upper floors rely on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from risk.models import AuditHead, AuditRow


def write(*, at: datetime, actor: str, action: str, subject: str, payload: Mapping[str, Any]) -> AuditRow:
    """Append one row to the chain. Must run in the transaction of the change it tells of; raises
    RuntimeError outside one. `payload` must be JSON-able (Decimals and times as text)."""
    head = locked_end()
    row = AuditRow(
        seq=head.seq + 1,
        at=at,
        actor=actor[:100],
        action=action,
        subject=subject,
        payload=dict(payload),
        prev_hash=head.hash,
    )
    row.hash = row_hash(row)
    row.save(force_insert=True)
    AuditHead.objects.filter(pk=1).update(seq=row.seq, hash=row.hash)
    return row


def locked_end() -> AuditHead:
    """The end of the chain, locked until the transaction ends. Raises RuntimeError outside of one."""
    if not connection.in_atomic_block:
        raise RuntimeError("an audit row is written in the transaction of its change, not outside")
    AuditHead.objects.get_or_create(pk=1)
    return AuditHead.objects.select_for_update().get(pk=1)


def row_hash(row: AuditRow) -> str:
    """SHA-256 over the previous hash and the row's content in canonical JSON."""
    content = json.dumps(
        [row.seq, row.at.isoformat(), row.actor, row.action, row.subject, row.payload],
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(f"{row.prev_hash}{content}".encode()).hexdigest()


def first_broken_row() -> str | None:
    """Walk the whole chain; a sentence naming the first row that does not fit, or None."""
    expected_seq, expected_prev = 1, "0" * 64
    for row in AuditRow.objects.order_by("seq").iterator(chunk_size=2000):
        if row.seq != expected_seq:
            return f"audit row {expected_seq} is missing (the next is {row.seq})"
        if row.prev_hash != expected_prev or row.hash != row_hash(row):
            return f"audit row {row.seq} ({row.action} {row.subject}) was changed after it was written"
        expected_seq, expected_prev = row.seq + 1, row.hash
    head = AuditHead.objects.filter(pk=1).first()
    if head is not None and (head.seq, head.hash) != (expected_seq - 1, expected_prev):
        return f"the journal ends at row {expected_seq - 1}, but {head.seq} rows were written"
    return None
