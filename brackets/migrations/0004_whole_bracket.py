"""Everything the whole bracket remembers: terms of entries, amendments, swaps, reduces, protected coins."""

import risk.fields
from django.db import migrations, models


def note_entered(apps, schema_editor):
    """Brackets of before stand on the prices they were given; the core settles those still entering."""
    apps.get_model("brackets", "Bracket").objects.exclude(
        state__in=["FLAT", "ENTRY_PLACED", "ENTRY_FILLED"]
    ).update(initial_stop_price=models.F("planned_stop_price"), entry_over=True, prices_final=True)


class Migration(migrations.Migration):

    dependencies = [
        ('brackets', '0003_sender_pair_counters'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='effect',
            name='effect_once_per_order',
        ),
        migrations.RemoveConstraint(
            model_name='order',
            name='order_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='order',
            name='order_filled_within_quantity',
        ),
        migrations.AddField(
            model_name='account',
            name='both_rest_probed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='closed_orders_read_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='both_rest_works',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='close_again',
            field=models.CharField(blank=True, choices=[('take_profit', 'take_profit'), ('stop_loss', 'stop_loss'), ('manual', 'manual'), ('kill_switch', 'kill_switch'), ('rollback', 'rollback'), ('external', 'external'), ('entry_expired', 'entry_expired'), ('entry_canceled', 'entry_canceled'), ('entry_rejected', 'entry_rejected'), ('validated', 'validated')], max_length=20),
        ),
        migrations.AddField(
            model_name='bracket',
            name='entry_began_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='entry_end',
            field=models.CharField(blank=True, choices=[('take_profit', 'take_profit'), ('stop_loss', 'stop_loss'), ('manual', 'manual'), ('kill_switch', 'kill_switch'), ('rollback', 'rollback'), ('external', 'external'), ('entry_expired', 'entry_expired'), ('entry_canceled', 'entry_canceled'), ('entry_rejected', 'entry_rejected'), ('validated', 'validated')], max_length=20),
        ),
        migrations.AddField(
            model_name='bracket',
            name='entry_next',
            field=models.CharField(blank=True, choices=[('reprice', 'reprice'), ('market', 'market')], max_length=8),
        ),
        migrations.AddField(
            model_name='bracket',
            name='entry_over',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='bracket',
            name='entry_terms',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='held_price',
            field=risk.fields.ExactDecimalField(decimal_places=10, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='held_quantity',
            field=risk.fields.ExactDecimalField(decimal_places=8, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='bracket',
            name='initial_stop_price',
            field=risk.fields.ExactDecimalField(decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='bracket',
            name='market',
            field=models.CharField(default='online', max_length=20),
        ),
        migrations.AddField(
            model_name='bracket',
            name='prices_final',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='bracket',
            name='reduce_quantity',
            field=risk.fields.ExactDecimalField(decimal_places=8, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='bracket',
            name='reduce_began_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='tidy_after',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='reprices',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='bracket',
            name='resting',
            field=models.CharField(default='stop', max_length=8),
        ),
        migrations.AddField(
            model_name='bracket',
            name='stop_distance',
            field=risk.fields.ExactDecimalField(decimal_places=10, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='swap_after',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='swap_began_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='bracket',
            name='swap_in_bps',
            field=risk.fields.ExactDecimalField(decimal_places=6, default=20, max_digits=12),
        ),
        migrations.AddField(
            model_name='bracket',
            name='swap_out_bps',
            field=risk.fields.ExactDecimalField(decimal_places=6, default=50, max_digits=12),
        ),
        migrations.AddField(
            model_name='effect',
            name='amend_number',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='effect',
            name='expires_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='effect',
            name='limit_price',
            field=risk.fields.ExactDecimalField(decimal_places=10, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='effect',
            name='quantity',
            field=risk.fields.ExactDecimalField(decimal_places=8, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='effect',
            name='rechecked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='effect',
            name='trigger_price',
            field=risk.fields.ExactDecimalField(decimal_places=10, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='amend_refused',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='order',
            name='amendment',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='amends',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='order',
            name='end_reason',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='order',
            name='first_filled_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='limit_price',
            field=risk.fields.ExactDecimalField(decimal_places=10, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='post_only',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='order',
            name='touched_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='bracket',
            name='exit_reason',
            field=models.CharField(blank=True, choices=[('take_profit', 'take_profit'), ('stop_loss', 'stop_loss'), ('manual', 'manual'), ('kill_switch', 'kill_switch'), ('rollback', 'rollback'), ('external', 'external'), ('entry_expired', 'entry_expired'), ('entry_canceled', 'entry_canceled'), ('entry_rejected', 'entry_rejected'), ('validated', 'validated')], max_length=20),
        ),
        migrations.AlterField(
            model_name='bracket',
            name='policy',
            field=models.CharField(choices=[('stop_rests', 'stop_rests'), ('nearest', 'nearest'), ('both_rest', 'both_rest')], default='stop_rests', max_length=12),
        ),
        migrations.AlterField(
            model_name='effect',
            name='kind',
            field=models.CharField(choices=[('PLACE', 'Place'), ('AMEND', 'Amend'), ('CANCEL', 'Cancel')], max_length=8),
        ),
        migrations.AlterField(
            model_name='order',
            name='status',
            field=models.CharField(choices=[('INTENDED', 'INTENDED'), ('UNKNOWN', 'UNKNOWN'), ('OPEN', 'OPEN'), ('FILLED', 'FILLED'), ('CANCELED', 'CANCELED'), ('EXPIRED', 'EXPIRED'), ('REJECTED', 'REJECTED'), ('DENIED', 'DENIED'), ('ABSENT', 'ABSENT'), ('VALIDATED', 'VALIDATED')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='effect',
            index=models.Index(condition=models.Q(('outcome', 'ABSENT'), ('rechecked_at__isnull', True)), fields=['account', 'done_at'], name='effect_absence_to_recheck'),
        ),
        migrations.AddConstraint(
            model_name='bracket',
            constraint=models.CheckConstraint(condition=models.Q(('policy__in', ['stop_rests', 'nearest', 'both_rest'])), name='bracket_policy_known'),
        ),
        migrations.AddConstraint(
            model_name='bracket',
            constraint=models.CheckConstraint(condition=models.Q(('resting__in', ['stop', 'target'])), name='bracket_resting_leg_known'),
        ),
        migrations.AddConstraint(
            model_name='bracket',
            constraint=models.CheckConstraint(condition=models.Q(('entry_next__in', ['', 'reprice', 'market'])), name='bracket_entry_next_known'),
        ),
        migrations.AddConstraint(
            model_name='bracket',
            constraint=models.CheckConstraint(condition=models.Q(('held_quantity__gte', 0), ('reduce_quantity__gte', 0)), name='bracket_quantities_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='effect',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'AMEND'), _negated=True), fields=('order', 'kind'), name='effect_once_per_order'),
        ),
        migrations.AddConstraint(
            model_name='effect',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'AMEND')), fields=('order', 'amend_number'), name='effect_once_per_amendment'),
        ),
        migrations.AddConstraint(
            model_name='effect',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amend_number__isnull', True), ('kind__in', ['PLACE', 'CANCEL'])), models.Q(('amend_number__isnull', False), ('kind', 'AMEND')), _connector='OR'), name='effect_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['INTENDED', 'UNKNOWN', 'OPEN', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'DENIED', 'ABSENT', 'VALIDATED'])), name='order_status_known'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gt', 0), ('filled_quantity__gte', 0), models.Q(('filled_quantity__lte', models.F('quantity')), ('amendment__isnull', False), _connector='OR')), name='order_filled_within_quantity'),
        ),
        migrations.RunPython(note_entered, migrations.RunPython.noop),
    ]
