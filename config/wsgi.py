"""The door of the web server: gunicorn loads `application` from here."""

import os
import warnings

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Static files come from the packages themselves (WHITENOISE_USE_FINDERS): no collected folder is missed.
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)

application = get_wsgi_application()
