"""Changing the configuration: read strictly, validated whole, and journalled with before and after.

REST, admin and `manage.py config` come through `change`. Only what changed is written, so a change by a
person never takes back what a machine (equity) or another person wrote meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from brackets.models import Account
from risk import journal
from risk.models import SystemConfig
from trading import configuration
from trading.core.asks import Malformed, plain_number, text

LARGEST_WHOLE = 32767
FIELDS: Mapping[str, models.Field] = {
    field.name: field
    for field in SystemConfig._meta.concrete_fields
    if field.editable and not field.primary_key
}
"""What a person may change, by name."""


def values(config: SystemConfig) -> dict[str, object]:
    """The changeable configuration as JSON: numbers as text, switches as booleans."""
    return {name: shown(getattr(config, name)) for name in FIELDS}


def shown(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    return text(value) if isinstance(value, Decimal) else str(value)


def change(account: Account, wanted: Mapping[str, object], *, actor: str) -> SystemConfig:
    """Change the named fields. Raises Malformed, naming field, limit and value; nothing changed then.
    What is already so is left alone; without any difference nothing is written."""
    fresh = {name: read(name, value) for name, value in wanted.items()}
    configuration.of(account)
    with transaction.atomic():
        config = SystemConfig.objects.select_for_update().get(account=account.name)
        before = {name: getattr(config, name) for name in fresh}
        changed = [name for name in fresh if before[name] != fresh[name]]
        if not changed:
            return config
        for name in changed:
            setattr(config, name, fresh[name])
        require_sound(config, account)
        if "system_status" in changed:
            config.status_reason = f"set by {actor}"[:200]
        config.save(update_fields=[*changed, "status_reason", "updated_at"])
        journal.write(
            at=timezone.now(),
            actor=actor,
            action="config.change",
            subject=f"config {account.name}",
            payload={
                "before": {name: shown(before[name]) for name in changed},
                "after": {name: shown(fresh[name]) for name in changed},
            },
        )
    return config


def require_sound(config: SystemConfig, account: Account) -> None:
    """The rules between settings, and between a setting and the account. Raises Malformed."""
    try:
        config.clean()
    except ValidationError as error:
        ((name, messages),) = error.message_dict.items()
        raise Malformed(name, " ".join(messages), value=str(shown(getattr(config, name)))) from None
    require_probed(config, account)


def require_probed(config: SystemConfig, account: Account) -> None:
    """Both legs may only be asked to rest where a probe showed that the venue takes it. Raises Malformed."""
    if config.leg_policy == SystemConfig.LegPolicy.BOTH_REST and not account.both_rest_works:
        raise Malformed(
            "leg_policy",
            f"leg_policy can be both_rest only where the venue lets both legs rest, and on {account.name} "
            f"{what_the_probe_said(account)}. Run manage.py probe_both_rest SYMBOL, or choose nearest.",
            limit="stop_rests, nearest",
            value=config.leg_policy,
        )


def what_the_probe_said(account: Account) -> str:
    return "that was never probed" if account.both_rest_works is None else "the probe was refused"


def read(name: str, value: object) -> object:
    """The value of one field as the model keeps it. Raises Malformed."""
    field = FIELDS.get(name)
    if field is None:
        offered = ", ".join(FIELDS)
        raise Malformed(name[:60], f"There is no setting {name[:60]!r}; there are {offered}.", limit=offered)
    given = str(value)[:40] if isinstance(value, str | int | Decimal) else type(value).__name__
    kept = typed(field, value)
    if kept is None:
        limit = limit_of(field)
        raise Malformed(name, f"{name} must be {limit}, not {given}.", limit=limit, value=given)
    try:
        return field.clean(kept, None)
    except ValidationError as error:
        limit = limit_of(field)
        why = " ".join(error.messages)
        raise Malformed(
            name, f"{name} must be {limit}, not {given}. {why}", limit=limit, value=given
        ) from None


def typed(field: models.Field, value: object) -> object | None:
    """The value in the field's type; None when it states none."""
    if isinstance(field, models.BooleanField):
        if isinstance(value, bool):
            return value
        return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None
    if isinstance(field, models.DecimalField | models.IntegerField):
        number = plain_number(value)
        if number is None or not number.is_finite() or abs(number.adjusted()) > 20:
            return None
        if isinstance(field, models.DecimalField):
            return number
        # SQLite would take more than PostgreSQL's smallint holds.
        fits = number == number.to_integral_value() and 0 <= number <= LARGEST_WHOLE
        return int(number) if fits else None
    return value.strip() if isinstance(value, str) else None


def narrower(bounds: Mapping[str, object]) -> dict[str, object]:
    """The bounds without those that only the database's integers have."""
    return {
        code: bound
        for code, bound in bounds.items()
        if isinstance(bound, int) and 0 <= bound <= LARGEST_WHOLE
    }


def limit_of(field: models.Field) -> str:
    """What the field takes, in words."""
    if isinstance(field, models.BooleanField):
        return "true or false"
    if field.choices:
        return "one of " + ", ".join(str(key) for key, _ in field.flatchoices)
    bounds = {
        validator.code: validator.limit_value
        for validator in field.validators
        if getattr(validator, "code", None) in {"min_value", "max_value"}
    }
    words = ["a number"]
    if isinstance(field, models.IntegerField):
        words = ["a whole number"]
        bounds = {"min_value": 0, "max_value": LARGEST_WHOLE} | narrower(bounds)
    if "min_value" in bounds:
        words.append(f"from {bounds['min_value']}")
    if "max_value" in bounds:
        words.append(f"up to {bounds['max_value']}")
    if isinstance(field, models.DecimalField):
        words.append(f"with at most {field.decimal_places} decimals")
    return " ".join(words)
