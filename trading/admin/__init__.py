"""The admin of all three apps: it stands on the top floor, because its buttons call the door.

Rows that machines own are read-only here; what a person may change (configuration, tokens) goes through
the same operations as everywhere else.
"""

from django.contrib import admin

from trading.admin import alerts, background, brackets, house, strangers, trades, world

__all__ = ["alerts", "background", "brackets", "house", "strangers", "trades", "world"]

admin.site.enable_nav_sidebar = False  # the tables need the room
