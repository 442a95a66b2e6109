"""Django's settings: one file, in Django's own order. What differs between installations comes from `env.py`.

Policy (who signs, T-days, thresholds, retention) is not here: it is code, in the `rules` modules, reviewed and versioned.
"""

from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from whitecross_ops import env

ENV = env.read()
BASE_DIR = Path(__file__).resolve().parent.parent

# Core
SECRET_KEY = ENV.secret_key.get_secret_value()
DEBUG = ENV.debug
DEMO = ENV.demo_dir is not None
SECURE = ENV.public_url.scheme == "https"
if not SECURE and not DEMO and ENV.public_url.host not in {"127.0.0.1", "::1", "localhost"}:
    raise ImproperlyConfigured(
        "WCO_PUBLIC_URL must start with https:// (plain http is for the demo and for tests)."
    )
if DEBUG and SECURE:
    raise ImproperlyConfigured(
        "WCO_DEBUG must be off where WCO_PUBLIC_URL is https: error pages would show secrets."
    )
ALLOWED_HOSTS = ENV.allowed_hosts or [str(ENV.public_url.host)]
PUBLIC_URL = str(ENV.public_url).rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ROOT_URLCONF = "whitecross_ops.urls"
ASGI_APPLICATION = "whitecross_ops.asgi.application"
WSGI_APPLICATION = "whitecross_ops.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "guardian",
    "django_htmx",
    "django_linear_migrations",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "migrations_portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "migrations_portal.web.uploads.FolderNamesMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "migrations_portal.web.middleware.SignInFirstMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "migrations_portal.web.idle.IdleMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "migrations_portal.web.middleware.RefusalMiddleware",
    "migrations_portal.web.middleware.ReadingMiddleware",
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
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
                "migrations_portal.web.context.everywhere",
            ],
        },
    },
]

# Database: PostgreSQL only. Every decision is read from the primary (X16); there is no replica route.
_database = urlsplit(str(ENV.database_url))
DATABASES = {
    "default": {
        "ENGINE": "migrations_portal.adapters.portal_database",
        "NAME": _database.path.lstrip("/"),
        "USER": ENV.database_url.hosts()[0]["username"] or "",
        "PASSWORD": ENV.database_url.hosts()[0]["password"] or "",
        "HOST": ENV.database_url.hosts()[0]["host"] or "",
        "PORT": ENV.database_url.hosts()[0]["port"] or 5432,
        "CONN_MAX_AGE": 0,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "wco-portal",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        },
    },
}

# The owner of the tables, for `manage.py migrate` only: the portal itself signs in as a role that owns nothing (ADR 0005).
DATABASE_APP = str(DATABASES["default"]["USER"])
DATABASE_OWNER = (
    {
        "USER": ENV.owner_database_url.hosts()[0]["username"] or "",
        "PASSWORD": ENV.owner_database_url.hosts()[0]["password"] or "",
    }
    if ENV.owner_database_url
    else None
)

# People
AUTH_USER_MODEL = "migrations_portal.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = True
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60
"""How long a link by which somebody chooses a password is good, from the moment its mail is sent."""
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "my-turn"
LOGOUT_REDIRECT_URL = "login"

# A second factor for signatures at high risk (A5): required in production, offered in the demo.
FACTOR_KEY = ENV.factor_key.get_secret_value()
REQUIRE_SECOND_FACTOR = (
    SECURE and not DEMO if ENV.require_second_factor is None else ENV.require_second_factor
)

# Sessions and cookies. Lax: Strict would sign people out who arrive from a mail link.
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_IDLE_SECONDS = ENV.session_idle_minutes * 60
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
if SECURE:
    SESSION_COOKIE_NAME = "__Host-wco-session"
    CSRF_COOKIE_NAME = "__Host-wco-csrf"

# Transport and content security
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^-/live$", r"^-/ready$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# Uploads: one migration file is at most 1 MiB, a plan at most 20 files.
DATA_UPLOAD_MAX_MEMORY_SIZE = 24 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# Words and time: the portal thinks in UTC, pages show the target's zone.
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static" / "collected"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False

# REST API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "migrations_portal.api.errors.as_problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
REST_KNOX = {"TOKEN_PREFIX": "wco_", "TOKEN_TTL": None, "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "White Cross Ops",
    "DESCRIPTION": "Submit migration plans, watch runs, read the ledger. Signing stays with signed-in people.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVERS": [],
}

# Celery: the database is the queue of record, a message is only a doorbell (ADR 0001). Requirement X19.
CELERY_BROKER_URL = str(ENV.redis_url)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "socket_keepalive": True,
    "health_check_interval": 5,  # a worker's wait on a broker that fell silent ends after 1 + 2 x 5 s
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ROUTES = {
    "runs.execute": {"queue": "runs"},
    "runs.restore": {"queue": "runs"},
    "runs.start_due": {"queue": "timeline"},
    "runs.find_lost": {"queue": "timeline"},
    "timeline.sweep": {"queue": "timeline"},
    "ledger.checkpoint": {"queue": "timeline"},
    "ledger.check": {"queue": "exports"},
    "exports.make": {"queue": "exports"},
    "exports.make_waiting": {"queue": "exports"},
    "exports.monthly": {"queue": "exports"},
    "compliance.open_reviews": {"queue": "timeline"},
    "compliance.check_retention": {"queue": "exports"},
    "ledger.checks_waiting": {"queue": "exports"},
    "ledger.check_since": {"queue": "exports"},
    "ledger.check_whole": {"queue": "exports"},
    "timeline.keep_seats": {"queue": "timeline"},
    "timeline.send_digests": {"queue": "timeline"},
    "notices.deliver": {"queue": "notices"},
    "assessments.assess": {"queue": "rehearsals"},
    "assessments.assess_waiting": {"queue": "rehearsals"},
    "catalogue.read": {"queue": "rehearsals"},
    "catalogue.measure": {"queue": "rehearsals"},
    "catalogue.sweep": {"queue": "rehearsals"},
    "rehearsals.rehearse": {"queue": "rehearsals"},
    "rehearsals.sweep": {"queue": "timeline"},
    "rehearsals.watch_history": {"queue": "timeline"},
}
CELERY_BEAT_SCHEDULE = {
    "runs-start-due": {"task": "runs.start_due", "schedule": 3.0, "options": {"expires": 6}},
    "runs-find-lost": {"task": "runs.find_lost", "schedule": 10.0, "options": {"expires": 20}},
    "notices-deliver": {"task": "notices.deliver", "schedule": 3.0, "options": {"expires": 6}},
    "assessments-waiting": {
        "task": "assessments.assess_waiting",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
    "ledger-checkpoint": {
        "task": "ledger.checkpoint",
        "schedule": 30.0,
        "options": {"expires": 60},
    },
    "ledger-checks-waiting": {
        "task": "ledger.checks_waiting",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "exports-waiting": {
        "task": "exports.make_waiting",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "exports-monthly": {"task": "exports.monthly", "schedule": crontab(minute="12", hour="3")},
    "compliance-open-reviews": {
        "task": "compliance.open_reviews",
        "schedule": 15.0,
        "options": {"expires": 30},
    },
    "compliance-check-retention": {
        "task": "compliance.check_retention",
        "schedule": crontab(minute="52", hour="1"),
    },
    "ledger-check-since": {"task": "ledger.check_since", "schedule": crontab(minute="7")},
    "ledger-check-whole": {
        "task": "ledger.check_whole",
        "schedule": crontab(minute="37", hour="2"),
    },
    "catalogue-sweep": {
        "task": "catalogue.sweep",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "rehearsals-sweep": {
        "task": "rehearsals.sweep",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
    "rehearsals-watch-history": {
        "task": "rehearsals.watch_history",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
    "timeline-sweep": {"task": "timeline.sweep", "schedule": 3.0, "options": {"expires": 6}},
    "timeline-keep-seats": {
        "task": "timeline.keep_seats",
        "schedule": 30.0,
        "options": {"expires": 60},
    },
    "timeline-send-digests": {
        "task": "timeline.send_digests",
        "schedule": 600.0,
        "options": {"expires": 1200},
    },
}

# The portal's own
DEMO_DAY_SECONDS = ENV.demo_day_seconds if DEMO else None
_TO_ROOT = {"handlers": [], "propagate": True}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "migrations_portal.web.log_lines.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Theirs would write around the formatter: addresses hold tokens.
    "loggers": dict.fromkeys(
        ["django", "django.server", "uvicorn", "uvicorn.access", "uvicorn.error"], _TO_ROOT
    ),
}
