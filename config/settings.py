"""Every setting of Backstop, driven by the environment (or `.env`); the names are those of the README.

Nothing here talks to a network or a database. Values that parse but are wrong or dangerous are
reported by the system checks in `brackets/checks.py` and `trading/checks.py`, each with an id.
"""

import base64
import hashlib
import hmac
import os
import secrets
import warnings
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

VERSION = "0.3.0"
BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")


def raw(name: str, default: str = "") -> str:
    """The text of an environment variable, untouched: a value starting with `$` is no reference."""
    return os.environ.get(name, default).strip()


def whole(name: str, default: int) -> int:
    try:
        return int(raw(name, str(default)) or default)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} must be a whole number, not {raw(name)!r}; nothing was started."
        ) from None


def truth(name: str, default: bool) -> bool:
    text = raw(name, str(default)).lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}; nothing was started.")


def listed(name: str) -> list[str]:
    """What stands between commas, without the blanks around it."""
    return [part for text in raw(name).split(",") if (part := text.strip())]


# --- where state that is not the database lives (outside the repository) ---------------------
STATE_DIR = Path(
    raw("BACKSTOP_STATE_DIR") or Path(raw("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "backstop"
)


def kept_secret_key() -> str:
    """The generated SECRET_KEY, made on first use and readable by its owner alone."""
    path = STATE_DIR / "secret_key"
    try:
        if path.is_file() and (kept := path.read_text().strip()):
            return kept
        STATE_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"secret_key.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        try:
            os.link(fresh, path)  # the first writer wins; nobody reads a half-written key
        except FileExistsError:
            pass
        fresh.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"no SECRET_KEY is set and {path} cannot be written ({error.strerror}); "
            "set SECRET_KEY or BACKSTOP_STATE_DIR. Nothing was started."
        ) from None


# --- the web -------------------------------------------------------------------------------
HOST = raw("HOST", "127.0.0.1") or "127.0.0.1"
PORT = whole("PORT", 5000)
DEBUG = truth("DEBUG", False)
SECRET_KEY = raw("SECRET_KEY") or kept_secret_key()
ALLOWED_HOSTS = listed("ALLOWED_HOSTS") or [
    "127.0.0.1",
    "localhost",
    "[::1]",
    *([HOST] if HOST not in {"0.0.0.0", "::"} else []),
]
CSRF_TRUSTED_ORIGINS = listed("CSRF_TRUSTED_ORIGINS")
# Behind TLS set SECURE=true: cookies, redirects and HSTS follow. Loopback needs plain http.
SECURE = truth("SECURE", False)
SECURE_SSL_REDIRECT = SECURE
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
SECURE_HSTS_SECONDS = whole("SECURE_HSTS_SECONDS", 31536000 if SECURE else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
if SECURE:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = ["config.formats"]
APPEND_SLASH = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_q",
    "risk",
    "brackets",
    "trading",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.SlashlessApi",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ADMIN_PASSWORD = raw("ADMIN_PASSWORD")

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # no collectstatic step and no STATIC_ROOT: the packages' own files are served

# --- the database ----------------------------------------------------------------------------
DATABASE_URL = raw("DATABASE_URL") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
try:
    with warnings.catch_warnings(action="ignore"):  # what is odd about the URL is said below, once
        _database = environ.Env.db_url_config(DATABASE_URL)
    DATABASES = {"default": _database}
    _engine = _database["ENGINE"]
except Exception:
    raise ImproperlyConfigured(
        "DATABASE_URL is not a database URL (sqlite:///PATH or postgres://USER:PASSWORD@HOST:PORT/NAME); "
        "nothing was started."
    ) from None
_database["CONN_MAX_AGE"] = 60
_database["CONN_HEALTH_CHECKS"] = True
if "sqlite" in _engine:
    if not _database["NAME"] or ":memory:" in _database["NAME"]:
        raise ImproperlyConfigured(
            "DATABASE_URL names a database in memory, which the processes of Backstop cannot share; "
            "nothing was started. Set sqlite:///PATH."
        )
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
    }
elif "postgresql" not in _engine:
    raise ImproperlyConfigured("DATABASE_URL must name SQLite or PostgreSQL; nothing was started.")

# --- the venue -------------------------------------------------------------------------------
TRADING_MODE = raw("TRADING_MODE", "demo").lower() or "demo"
VENUE_PORT = whole("VENUE_PORT", 5001)
ON_PAPER_VENUE = TRADING_MODE in {"demo", "paper"}
PAPER_VENUE_URL = f"http://127.0.0.1:{VENUE_PORT}"


def paper_private_key() -> str:
    """The paper venue's key pair follows SECRET_KEY, so that no secret of it is stored anywhere."""
    digest = hmac.new(SECRET_KEY.encode(), b"backstop paper venue", hashlib.sha512).digest()
    return base64.b64encode(digest).decode()


if ON_PAPER_VENUE:  # real keys, if any, are not even read: demo and paper cannot spend real money
    KRAKEN_API_URL = PAPER_VENUE_URL
    KRAKEN_WS_URL = KRAKEN_WS_PUBLIC_URL = f"ws://127.0.0.1:{VENUE_PORT}/v2"
    KRAKEN_API_KEY = "paper-venue-key"
    KRAKEN_PRIVATE_KEY = paper_private_key()
else:
    KRAKEN_API_URL = raw("KRAKEN_API_URL") or "https://api.kraken.com"
    # Orders of one venue must not be watched through the streams of another: where only KRAKEN_API_URL
    # points elsewhere there is no stream, and the watch polls.
    _at_kraken = KRAKEN_API_URL.rstrip("/") == "https://api.kraken.com"
    KRAKEN_WS_URL = raw("KRAKEN_WS_URL") or ("wss://ws-auth.kraken.com/v2" if _at_kraken else "")
    KRAKEN_WS_PUBLIC_URL = (
        raw("KRAKEN_WS_PUBLIC_URL")
        or raw("KRAKEN_WS_URL")
        or ("wss://ws.kraken.com/v2" if _at_kraken else "")
    )
    KRAKEN_API_KEY = raw("KRAKEN_API_KEY")
    KRAKEN_PRIVATE_KEY = raw("KRAKEN_PRIVATE_KEY")
KRAKEN_API_URL = KRAKEN_API_URL.rstrip("/")
KRAKEN_WS_URL = KRAKEN_WS_URL.rstrip("/")
KRAKEN_WS_PUBLIC_URL = KRAKEN_WS_PUBLIC_URL.rstrip("/")
KRAKEN_TIER = raw("KRAKEN_TIER", "starter").lower() or "starter"
KRAKEN_TIMEOUT_SECONDS = raw("KRAKEN_TIMEOUT_SECONDS", "5") or "5"
INITIAL_BALANCE = raw("INITIAL_BALANCE")
# The first value of the setting; from then on the configuration of the account rules.
EXECUTION_MODE = raw("EXECUTION_MODE", "LIMIT_BRACKET").upper() or "LIMIT_BRACKET"

# synthetic, feed (the prices of another venue, Kraken's own by default), or a candle file.
PAPER_MARKET = raw("PAPER_MARKET") or ("feed" if TRADING_MODE == "paper" else "synthetic")
PAPER_START = raw("PAPER_START")
PAPER_SPEED = raw("PAPER_SPEED")
PAPER_SEED = raw("PAPER_SEED", "1") or "1"
# In paper mode the prices are those of Kraken, or of the server that is given; orders go to neither.
PAPER_FEED_URL = raw("KRAKEN_API_URL").rstrip("/") or "https://api.kraken.com"
PAPER_FEED_WS_URL = (raw("KRAKEN_WS_PUBLIC_URL") or raw("KRAKEN_WS_URL")).rstrip("/") or (
    "" if raw("KRAKEN_API_URL") else "wss://ws.kraken.com/v2"
)

# --- what the floors below may call, by name (imports run one way) ------------------------------
WATCH_HOOKS = ["trading.hooks.settle", "trading.hooks.finish_liquidations", "trading.hooks.demo_trader"]

# --- telling the outside that all is well ---------------------------------------------------------
# Whoever has this address can ask in our name: the setting is named so that Django's own pages hide it.
DEADMAN_SECRET_URL = raw("DEADMAN_URL")
DEADMAN_SECONDS = whole("DEADMAN_SECONDS", 60)
DEADMAN_FAIL_PATH = raw("DEADMAN_FAIL_PATH")  # such as /fail; empty: trouble is told by silence

# --- background work -----------------------------------------------------------------------------
# How often a beat goes round in a task cluster, and how long it may stay away before the cluster ends
# itself: longer than two tasks may take one after the other, which is what a beat may have to wait for.
CLUSTER_BEAT_SECONDS = whole("CLUSTER_BEAT_SECONDS", 10)
CLUSTER_STALE_SECONDS = whole("CLUSTER_STALE_SECONDS", 90)
if not 0 < CLUSTER_BEAT_SECONDS < CLUSTER_STALE_SECONDS:
    raise ImproperlyConfigured(
        "CLUSTER_BEAT_SECONDS must be above 0 and below CLUSTER_STALE_SECONDS; nothing was started."
    )
Q_CLUSTER = {
    "name": "backstop",
    "broker_class": "config.cluster.BeatingBroker",
    "orm": "default",
    "workers": 2,
    "timeout": 30,
    "retry": 120,  # more than timeout x (2 + queue_limit): a task that waits is not started twice
    "queue_limit": 1,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "poll": 0.2,
    "save_limit": 250,
    "label": "Background tasks",
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["trading.api.authentication.ApiTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "trading.api.problems.problem_response",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
}

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_LEVEL = raw("LOG_LEVEL").upper() or "INFO"
if LOG_LEVEL not in LOG_LEVELS:
    raise ImproperlyConfigured(
        f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {raw('LOG_LEVEL')!r}; nothing was started."
    )
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # At DEBUG urllib3 would write every address it asks, secret ones too.
    "loggers": {"django-q": {"level": "WARNING"}, "urllib3": {"level": "WARNING"}},
}
