"""All settings, read from the environment (docs/operations/settings.md lists every variable)."""

from pathlib import Path

from csp.constants import NONE, SELF

from portal.cloud.clouds import CLOUDS
from portal.environment import Mode, SettingMissing, environment
from portal.mail_settings import TIMEOUT_SECONDS, mail_server

BASE_DIR = Path(__file__).resolve().parent.parent
env = environment()
MODE = env.mode()
IN_PRODUCTION = MODE is Mode.PRODUCTION

# ── Django ───────────────────────────────────────────────────────────────────────────────────
SECRET_KEY = env.text(
    "HEADROOM_SECRET_KEY",
    "a-key-for-tests-only-" + "x" * 40 if MODE is Mode.TEST else None,
    why="Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'.",
)
if IN_PRODUCTION and len(SECRET_KEY) < 40:
    raise SettingMissing("HEADROOM_SECRET_KEY", "is shorter than 40 characters; make a longer one.")
DEBUG = False
ALLOWED_HOSTS = env.names("HEADROOM_ALLOWED_HOSTS", "" if IN_PRODUCTION else "*")
if IN_PRODUCTION and not ALLOWED_HOSTS:
    raise SettingMissing("HEADROOM_ALLOWED_HOSTS", "is not set. Name the host that people type.")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host != "*"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "django_htmx",
    "heroicons",
    "csp",
    "portal.apps.PortalConfig",
    "quotas.apps.QuotasConfig",
    "showback.apps.ShowbackConfig",
]
MIDDLEWARE = [
    "portal.middleware.JobMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "portal.middleware.PersonMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.PersonTimeZoneMiddleware",
    "portal.middleware.LastSeenMiddleware",
    "portal.problems.DomainErrorMiddleware",
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
                "portal.context.page",
            ],
            "builtins": ["portal.templatetags.portal_format"],
        },
    }
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
AUTH_USER_MODEL = "portal.User"
SESSION_ENGINE = "portal.sessions"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"

DATABASES = {"default": env.database()}
CACHES_URL = env.redis() if MODE is not Mode.TEST else None
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHES_URL.for_cache(2),
    }
    if CACHES_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# Local passwords are for the demo; tests hash cheaply.
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if MODE is Mode.TEST
    else ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# ── Static files: ours, and single files out of installed wheels ─────────────────────────────
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("HEADROOM_STATIC_ROOT", str(BASE_DIR / "var" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "portal.vendor.VendorFinder",
]
VENDOR_STATIC = {
    "vendor/plotly.min.js": ("plotly", "package_data/plotly.min.js"),
    "vendor/htmx.min.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if MODE is Mode.TEST
        else "portal.static_storage.HashedStaticFiles"
    },
}
WHITENOISE_USE_FINDERS = MODE is Mode.TEST
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # else each file is compressed twice

# ── Security ─────────────────────────────────────────────────────────────────────────────────
# Plotly inserts an empty <style> and fills it through CSSOM; the other two hashes are its fixed
# style attributes. They belong to the plotly.js inside plotly 7.1.0: pinned in pyproject.toml.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "style-src": [
            SELF,
            "'unsafe-hashes'",
            "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
            "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
            "'sha256-AR/cKIZjWPcPmBUPDA6oti9XBiTbJvz0Cro2J1VzzS8='",
        ],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IN_PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IN_PRODUCTION else None
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if IN_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IN_PRODUCTION

# ── API ──────────────────────────────────────────────────────────────────────────────────────
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "portal.problems.api_problem",
    "COERCE_DECIMAL_TO_STRING": True,
}

# ── Celery: ids and ISO times as arguments, safe to run twice, no long countdowns ────────────
CELERY_BROKER_URL = CACHES_URL.for_celery(0) if CACHES_URL else "memory://"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ALWAYS_EAGER = CELERY_TASK_EAGER_PROPAGATES = MODE is Mode.TEST
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Below the visibility timeout, or a slow task would be delivered a second time while it runs.
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 900, 840
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "health_check_interval": 25,
    "socket_keepalive": True,
    "global_keyprefix": "headroom:",
}
CELERY_TIMEZONE = "UTC"
MINUTE, HOUR = 60.0, 3600.0
# `expires`: a slot that no worker took in time is dropped; the next one does the same work.
CELERY_BEAT_SCHEDULE = {
    "sync inventory": {
        "task": "quotas.tasks.sync_inventory",
        "schedule": 5 * MINUTE,
        "options": {"expires": 240},
    },
    "reconcile": {"task": "quotas.tasks.reconcile", "schedule": 30.0, "options": {"expires": 25}},
    "keep gateway limits": {
        "task": "quotas.tasks.keep_gateway_limits",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "look ahead": {
        "task": "quotas.tasks.look_ahead",
        "schedule": MINUTE,
        "options": {"expires": 50},
    },
    "end overdue requests": {
        "task": "quotas.tasks.time_out_requests",
        "schedule": MINUTE,
        "options": {"expires": 50},
    },
    "pull usage": {
        "task": "showback.tasks.pull_usage",
        "schedule": 5 * MINUTE,
        "options": {"expires": 240},
    },
    "pull the last hours": {
        "task": "showback.tasks.pull_recent",
        "schedule": HOUR,
        "options": {"expires": 3000},
    },
    "pull the last days": {
        "task": "showback.tasks.pull_nightly",
        "schedule": 24 * HOUR,
        "options": {"expires": 20000},
    },
    "pull callers": {
        "task": "showback.tasks.pull_callers",
        "schedule": 5 * MINUTE,
        "options": {"expires": 240},
    },
    "pull late callers": {
        "task": "showback.tasks.pull_late_callers",
        "schedule": HOUR,
        "options": {"expires": 3000},
    },
    "pull callers of the last days": {
        "task": "showback.tasks.pull_callers_nightly",
        "schedule": 24 * HOUR,
        "options": {"expires": 20000},
    },
    "compact minutes": {
        "task": "showback.tasks.compact_minutes",
        "schedule": 24 * HOUR,
        "options": {"expires": 20000},
    },
    "drop old usage": {
        "task": "showback.tasks.drop_old_usage",
        "schedule": 24 * HOUR,
        "options": {"expires": 20000},
    },
    "backfill usage": {
        "task": "showback.tasks.backfill",
        "schedule": 20.0,
        "options": {"expires": 15},
    },
    "tell what happened": {
        "task": "quotas.tasks.tell_news",
        "schedule": MINUTE,
        "options": {"expires": 50},
    },
    "deliver mail": {
        "task": "portal.tasks.deliver_mail",
        "schedule": MINUTE,
        "options": {"expires": 50},
    },
    "roll up and cost": {
        "task": "showback.tasks.roll_up_and_cost",
        "schedule": MINUTE,
        "options": {"expires": 50},
    },
}

# ── Mail: none unless SMTP_URL is set ────────────────────────────────────────────────────────
_mail = mail_server(env)
HEADROOM_MAIL_IS_ON = _mail.is_on
EMAIL_BACKEND = "portal.outbox.smtp.CarefulBackend"
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.tls
EMAIL_TIMEOUT = TIMEOUT_SECONDS
DEFAULT_FROM_EMAIL = _mail.sender
HEADROOM_BASE_URL = _mail.base_url

# ── Azure ────────────────────────────────────────────────────────────────────────────────────
HEADROOM_SUBSCRIPTIONS = env.names("HEADROOM_SUBSCRIPTIONS")
HEADROOM_LOG_WORKSPACES = env.guids(
    "HEADROOM_LOG_WORKSPACES",
    why="Put the workspace's id there (az monitor log-analytics workspace show: customerId).",
)
HEADROOM_AZURE_CLOUD = env.choice("HEADROOM_AZURE_CLOUD", "public", CLOUDS)
_cloud = CLOUDS[HEADROOM_AZURE_CLOUD]
AZURE_ARM_ENDPOINT = env.https("AZURE_ARM_ENDPOINT", _cloud.arm_endpoint)
AZURE_METRICS_ENDPOINT = env.https("AZURE_METRICS_ENDPOINT", _cloud.metrics_endpoint)
AZURE_LOGS_ENDPOINT = env.https("AZURE_LOGS_ENDPOINT", _cloud.logs_endpoint)
# The SDK takes a bare host as well; AKS sets this variable by itself.
AZURE_AUTHORITY_HOST = env.text("AZURE_AUTHORITY_HOST", _cloud.authority)
# Accounts that one run writes to at a time; in tests one after the other, in their transaction.
HEADROOM_APPLY_LANES = 1 if MODE is Mode.TEST else 8
HEADROOM_CAPACITY_GATEWAY = "portal.cloud.capacity.AzureCapacity"
HEADROOM_LIMITS_GATEWAY = "portal.cloud.gateway_limits.AzureGatewayLimits"
HEADROOM_USAGE_SOURCE = "portal.cloud.metrics.AzureMetrics"
HEADROOM_CALLER_SOURCE = "portal.cloud.logs.AzureCallers"
HEADROOM_EVIDENCE_SOURCE = "showback.evidence.UsageHistory"

# ── Headroom ─────────────────────────────────────────────────────────────────────────────────
HEADROOM_FINANCE_TIME_ZONE = env.zone("HEADROOM_FINANCE_TIME_ZONE", "UTC")
# How many days of minutes are fetched at the first sight of an account.
HEADROOM_BACKFILL_DAYS = env.whole(
    "HEADROOM_BACKFILL_DAYS", 28, least=1, most=93, why="Azure keeps its metrics for 93 days."
)
# How long use is kept, in months before this one; each coarser form at least as long.
HEADROOM_KEEP_MINUTES_MONTHS = env.months(
    "HEADROOM_KEEP_MINUTES_MONTHS",
    13,
    least=4,
    why="Azure keeps 93 days: what is dropped earlier would be pulled again.",
)
HEADROOM_KEEP_HOURS_MONTHS = env.months(
    "HEADROOM_KEEP_HOURS_MONTHS",
    max(36, HEADROOM_KEEP_MINUTES_MONTHS),
    least=HEADROOM_KEEP_MINUTES_MONTHS,
    why="Hours are kept at least as long as minutes (HEADROOM_KEEP_MINUTES_MONTHS).",
)
HEADROOM_KEEP_DAYS_MONTHS = env.months("HEADROOM_KEEP_DAYS_MONTHS", 0, least=0, why="0: for ever.")
if 0 < HEADROOM_KEEP_DAYS_MONTHS < HEADROOM_KEEP_HOURS_MONTHS:
    raise SettingMissing(
        "HEADROOM_KEEP_DAYS_MONTHS",
        f"is {HEADROOM_KEEP_DAYS_MONTHS}; days are kept at least as long as hours "
        f"(HEADROOM_KEEP_HOURS_MONTHS, {HEADROOM_KEEP_HOURS_MONTHS}), or for ever (0).",
    )
HEADROOM_CURRENCY = env.text("HEADROOM_CURRENCY", "USD")
HEADROOM_REVOKE_NOTICE_HOURS = env.hours_by_tier(
    "HEADROOM_REVOKE_NOTICE_HOURS",
    "24,8,2,0",
    why="So long before a grant is revoked its team is told.",
)
HEADROOM_SANDBOX_UNITS = env.whole(
    "HEADROOM_SANDBOX_UNITS",
    10,
    least=0,
    most=100_000,
    why="So many units a sandbox has at most; 0: there are no sandboxes.",
)
HEADROOM_GONE_AFTER_DAYS = env.whole(
    "HEADROOM_GONE_AFTER_DAYS",
    90,
    least=1,
    most=3650,
    why="Who was not seen for so long counts as gone.",
)
HEADROOM_DATA_CLASS_RESIDENCY = env.words(
    "HEADROOM_DATA_CLASS_RESIDENCY",
    "anywhere,anywhere,data_zone,region",
    known=("region", "data_zone", "anywhere"),
    why="So far data that is public, internal, confidential and restricted may be processed.",
)
# Only a simulated Azure has a clock that can be set; production has no such variable.
HEADROOM_SIMULATOR_CONTROL_URL = (
    "" if IN_PRODUCTION else env.text("HEADROOM_SIMULATOR_CONTROL_URL", "")
)
CLOCK_MAY_BE_SET = not IN_PRODUCTION

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(job)s %(name)s %(message)s"}},
    "filters": {"job": {"()": "portal.kernel.job.JobOfRecord"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["job"]}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "azure": {"level": "WARNING"},  # two records a request otherwise
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
    },
}
