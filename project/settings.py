"""Django's settings, all of them from the environment; docs/reference lists the names.

Nothing here raises because a key is missing: `generate_encryption_key` and `collectstatic` run
without any. What serves or tests calls ``smtpcheck.conf.require_runtime()``, which does refuse.
Settings of the application itself have their types, units and reasons in ``smtpcheck.conf``.
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from project.environment import Secrets, environment, own_settings

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"

ENVIRON = environment()
env = environ.Env()
_secrets = Secrets(ENVIRON)

# --- Who may see what -----------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)

# A key that lives as long as the process is fine while developing; nothing else may be served with
# it. It seals no password: those have keys of their own.
SECRET_KEY = _secrets.get("SECRET_KEY") or (secrets.token_urlsafe(50) if DEBUG else "")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- The application's own settings ---------------------------------------------------------------

SMTPCHECK: dict[str, Any] = own_settings(ENVIRON)
SMTPCHECK["ENCRYPTION_KEYS"] = _secrets.get("SMTPCHECK_ENCRYPTION_KEYS")
SMTPCHECK["APP_TOKENS"] = _secrets.get("SMTPCHECK_APP_TOKENS")
SMTPCHECK["PROXIES"] = _secrets.get("SMTPCHECK_PROXIES")

# --- What runs ------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "smtpcheck",  # before the admin, so that its templates win
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "project.headers.SecurityHeadersMiddleware",  # around all others: every answer has them
    "smtpcheck.api.middleware.ApiPathMiddleware",
    "smtpcheck.api.middleware.ApiAnswerMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "project.static.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "smtpcheck.api.languages.ApiLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
WSGI_APPLICATION = "project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database -------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Writers take the lock when they begin (IMMEDIATE), so none fails half-way; WAL lets readers go on;
# 20 s is longer than any of our transactions waits for its turn.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    "timeout": 20,
}
# PostgreSQL allows 100 connections by default; a test holds none while it waits for the network.
POSTGRESQL_POOL = {"min_size": 2, "max_size": 20}


def database() -> dict[str, Any]:
    """Return the database of DATABASE_URL (or its file), else SQLite in var/."""
    if url := _secrets.get("DATABASE_URL"):
        config: dict[str, Any] = dict(env.db_url_config(url))
    else:
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR / "db.sqlite3")}
        with contextlib.suppress(OSError):  # a read-only checkout: SQLite itself will say so
            VAR.mkdir(mode=0o700, exist_ok=True)
    options = config.get("OPTIONS", {})
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = SQLITE_OPTIONS | options
    elif config["ENGINE"].endswith("postgresql"):
        # A pool and persistent connections exclude each other.
        config["CONN_MAX_AGE"] = 0
        config["OPTIONS"] = {"pool": POSTGRESQL_POOL} | options
    return config


DATABASES = {"default": database()}

# --- People ---------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
AUTHENTICATION_BACKENDS = ["smtpcheck.services.signing_in.GuardedBackend"]

# --- Language and time ----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
# Named in their own words, so that everybody finds theirs.
LANGUAGES = [
    ("en", "English"),
    ("nb", "Norsk (bokmål)"),
    ("sv", "Svenska"),
    ("da", "Dansk"),
    ("de", "Deutsch"),
    ("nl", "Nederlands"),
    ("fr", "Français"),
]
LOCALE_PATHS = [BASE_DIR / "smtpcheck" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")

# --- Static files ---------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True  # right after a checkout, before any collectstatic

# --- HTTPS, cookies, browsers ---------------------------------------------------------------------

# off: plain HTTP, for a look on this machine or behind something that does not tell.
# direct: this process speaks TLS. proxy: one in front does, and says so in X-Forwarded-Proto, which
# it must also remove from what callers send.
HTTPS = env.str("HTTPS", default="off").lower()
if HTTPS not in {"off", "direct", "proxy"}:  # a slip must not switch it off in silence
    raise ImproperlyConfigured("HTTPS must be off, direct or proxy.")
IS_HTTPS = HTTPS in {"direct", "proxy"}

SECURE_SSL_REDIRECT = IS_HTTPS
# What watches over a process asks it directly, without the one in front.
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=3600) if IS_HTTPS else 0
# Neither subdomains nor browsers' built-in lists are this service's to decide for a whole domain.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS == "proxy" else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

SESSION_COOKIE_NAME = "smtpcheck_session"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Looking around does not prolong it; a changed password ends all sessions of its user at once.
SESSION_COOKIE_AGE = round(env.float("SESSION_HOURS", default=12) * 3600)

# Clients of the original call copy the cookie XSRF-TOKEN into the header X-XSRF-TOKEN.
CSRF_COOKIE_NAME = "XSRF-TOKEN"
CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
CSRF_COOKIE_HTTPONLY = False
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SAMESITE = "Lax"

# No form or call of ours is larger; a pasted CA bundle of all public roots is about 200 KiB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# --- REST -----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "smtpcheck.api.authentication.BasicAuthentication",
        "smtpcheck.api.authentication.BearerAuthentication",
        "smtpcheck.api.authentication.TicketAuthentication",
        "smtpcheck.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["smtpcheck.api.throttling.CallsPerMinute"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "smtpcheck.api.negotiation.AcceptOrBody",
    "DEFAULT_RENDERER_CLASSES": [
        "smtpcheck.api.renderers.JsonRenderer",
        "smtpcheck.api.renderers.TextJsonRenderer",
        "smtpcheck.api.renderers.JsonPatchRenderer",
        "smtpcheck.api.renderers.MergePatchRenderer",
        "smtpcheck.api.renderers.XmlRenderer",
        "smtpcheck.api.renderers.TextXmlRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "smtpcheck.api.parsers.JsonParser",
        "smtpcheck.api.parsers.TextJsonParser",
        "smtpcheck.api.parsers.JsonPatchParser",
        "smtpcheck.api.parsers.MergePatchParser",
        "smtpcheck.api.parsers.XmlParser",
        "smtpcheck.api.parsers.TextXmlParser",
        "smtpcheck.api.parsers.FormParser",
    ],
    "EXCEPTION_HANDLER": "smtpcheck.api.exceptions.answer_for",
    "DEFAULT_SCHEMA_CLASS": "smtpcheck.api.openapi.Schema",
    "URL_FORMAT_OVERRIDE": None,  # Accept alone decides
}

SPECTACULAR_SETTINGS = {
    "TITLE": "smtpcheck",
    "DESCRIPTION": "Does this SMTP account work, if not why exactly, and what do I do about it?",
    "VERSION": "v1",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,  # secrets are in requests only
    "POSTPROCESSING_HOOKS": [],  # sets of words stand where they are used
    # Everything is served from here; the badge of a validator would be another site's.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
}

# Which pages of other origins may call the API from a browser: https://crm.example.org, or * for
# any, which then cannot use the session cookie. None by default.
_origins = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_ALL_ORIGINS = "*" in _origins
CORS_ALLOWED_ORIGINS = [origin for origin in _origins if origin != "*"]
CORS_ALLOW_CREDENTIALS = not CORS_ALLOW_ALL_ORIGINS
CORS_URLS_REGEX = r"(?i)^/api(/|$)"
CORS_ALLOW_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CORS_ALLOW_HEADERS = (
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "idempotency-key",
    "so-apptoken",
    "so-browser-tz-offset",
    "so-culture",
    "so-language",
    "so-timezone",
    "x-xsrf-token",
)
CORS_EXPOSE_HEADERS = ("Link", "Retry-After", "SmtpCheck-Result")

# --- What is told when something goes wrong -------------------------------------------------------

DEFAULT_EXCEPTION_REPORTER = "project.errorpages.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "project.errorpages.HideEverythingFilter"

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "project.logs.SafeFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
    },
    "filters": {"refusals": {"()": "project.logs.RefusalsInOneLine"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's default sends mail to ADMINS; everything goes to standard error instead.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # At DEBUG it writes all that a page was given, as the text of a token that is shown once.
        "django.template": {"level": "INFO" if LOG_LEVEL == "DEBUG" else LOG_LEVEL},
    },
}

# Files of secrets that could not be read; conf.require_runtime() tells them.
UNREADABLE_SECRETS = tuple(_secrets.unreadable)
