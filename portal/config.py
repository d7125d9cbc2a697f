"""The environment, read once, checked once. A half-set group refuses to start with one line that says what to set."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.domain.money import EXPONENTS
from portal.domain.policy import Policy

STRIPE_KEY = re.compile(r"(sk|rk)_(live|test)_[A-Za-z0-9_]+")
PATH = re.compile(r"/(?!/)[!-\[\]-~]*")  # browsers read // and a backslash as another host
COLOUR = re.compile(r"#?[0-9A-Fa-f]{6}")
SERVICE_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,64}:[0-9A-Fa-f]{64}")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Misconfigured(SystemExit):
    """The process must not start; the message is one line that says what to set."""

    def __init__(self, message: str, *, passes: bool = False) -> None:
        """`passes`: it may start later, with nothing changed here."""
        super().__init__(f"matinee: {message}")
        self.passes = passes


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    app_env: Literal["demo", "test", "production"] = "demo"
    data_dir: Path = Path("instance")
    port: int = 8000
    public_url: str = ""
    secret_key: str = ""
    debug: bool = False
    failpoints: str = ""
    trusted_proxies: int = Field(default=0, ge=0, le=10)

    database_url: str = ""
    queue_url: str = ""
    amqp_url: str = ""
    events_exchange: str = Field(default="billing.events", min_length=1)
    events_queue: str = Field(default="auth.subscriptions", min_length=1)
    events_dead_exchange: str = Field(default="billing.dead", min_length=1)
    events_unrouted: str = Field(default="billing.unrouted", min_length=1)
    sandbox_database_url: str = ""
    auth_database_url: str = ""

    auth_public_key: str = ""
    auth_public_key_file: str = ""
    auth_jwks_url: str = ""
    auth_issuer: str = ""
    auth_audience: str = ""
    auth_user_claim: str = "sub"
    auth_roles_claim: str = "roles"
    auth_email_claim: str = "email"
    auth_locale_claim: str = "locale"
    auth_zone_claim: str = "zoneinfo"
    auth_login_url: str = ""
    auth_refresh_url: str = ""
    auth_users_url: str = ""
    auth_cookie: str = "access_token"
    service_tokens: str = ""

    payment_providers: str = ""
    sandbox_url: str = ""
    sandbox_webhook_secret: str = ""
    stripe_api_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api_base: str = ""

    billing_timezone: str = "Europe/Moscow"
    billing_currency: str = "RUB"
    default_locale: Literal["ru", "en"] = "ru"
    brand_name: str = "Matinee"
    brand_logo_url: str = ""
    brand_accent: str = ""
    terms_url: str = "/terms"
    privacy_url: str = "/privacy"
    support_email: str = "support@matinee.example"
    allowed_return_hosts: str = ""

    checkout_ttl_minutes: int = Field(default=24 * 60, ge=30)
    grace_days: int = Field(default=7, ge=0)
    dunning_retry_days: str = "1,3,6,10,13"
    give_up_days: int = Field(default=14, ge=1)
    refund_window_days: int = Field(default=14, ge=0)
    refund_policy: Literal["auto", "manual"] = "auto"
    refund_answer_days: int = Field(default=10, ge=1)
    charges_per_day: int = Field(default=3, ge=1)
    charges_per_run: int = Field(default=100_000, ge=1)

    ratelimit_storage_uri: str = ""
    writes_per_minute: int = Field(default=120, ge=1)
    calls_per_minute: int = Field(default=6000, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            ZoneInfo(self.billing_timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"set BILLING_TIMEZONE to an IANA zone, not {self.billing_timezone!r}") from None
        if self.billing_currency not in EXPONENTS:
            raise ValueError(f"set BILLING_CURRENCY to one of {', '.join(EXPONENTS)}")
        days = self.dunning_retry_days.split(",") if self.dunning_retry_days.strip() else []
        if not all(day.strip().isdecimal() for day in days) or list(map(int, days)) != sorted(set(map(int, days))):
            raise ValueError("set DUNNING_RETRY_DAYS to rising whole days, as in 1,3,6,10,13")
        if not all(SERVICE_TOKEN.fullmatch(pair.strip()) for pair in self.service_tokens.split(",") if pair.strip()):
            raise ValueError("set SERVICE_TOKENS to name:sha256 pairs with commas between, 64 hex digits each")
        if self.app_env == "production":
            self._check_production()
        self._check_brand()
        self._check_auth()
        self._check_stripe()
        return self

    def _check_brand(self) -> None:
        if self.brand_accent and not COLOUR.fullmatch(self.brand_accent):
            raise ValueError(f"set BRAND_ACCENT to six hex digits, as in #f5b942, not {self.brand_accent!r}")
        if self.brand_logo_url and not self._is_served_here(self.brand_logo_url):
            raise ValueError(
                f"set BRAND_LOGO_URL to a path, as in /static/logo.svg, or to an address below {self.origin}/: "
                "pages load nothing from other hosts"
            )

    def _is_served_here(self, url: str) -> bool:
        return PATH.fullmatch(url.removeprefix(self.origin)) is not None

    def _check_auth(self) -> None:
        """A second source of keys would let in tokens that whoever set the first does not know of."""
        names = ("AUTH_PUBLIC_KEY", "AUTH_PUBLIC_KEY_FILE", "AUTH_JWKS_URL")
        given = [name for name in names if getattr(self, name.lower())]
        if len(given) > 1:
            raise ValueError(f"set one of {' and '.join(given)}, not both: they say whose tokens are believed")
        if self.auth_jwks_url and not _is_address(self.auth_jwks_url):
            raise ValueError("set AUTH_JWKS_URL to an address: https://auth.example/jwks.json")

    def _check_stripe(self) -> None:
        """Its webhooks are believed for their signature: no key without a secret, and no secret without a key."""
        wanted = "stripe" in self.providers
        if (wanted or self.stripe_webhook_secret) and not self.stripe_api_key:
            raise ValueError("set STRIPE_API_KEY: Stripe is not spoken to without it")
        if (wanted or self.stripe_api_key) and not any(part.strip() for part in self.stripe_webhook_secret.split(",")):
            raise ValueError("set STRIPE_WEBHOOK_SECRET: without it anybody could say that a payment was made")
        if self.stripe_api_key and not STRIPE_KEY.fullmatch(self.stripe_api_key):
            raise ValueError("set STRIPE_API_KEY to a secret or restricted key: sk_live_..., sk_test_..., rk_live_...")
        if self.stripe_api_base and not self.stripe_api_base.startswith(("http://", "https://")):
            raise ValueError("set STRIPE_API_BASE to an address, or leave it out to speak to Stripe itself")

    def _check_production(self) -> None:
        required = {
            "SECRET_KEY": self.secret_key,
            "PUBLIC_URL": self.public_url,
            "DATABASE_URL": self.database_url,
            "AMQP_URL": self.amqp_url,
            "AUTH_PUBLIC_KEY, AUTH_PUBLIC_KEY_FILE or AUTH_JWKS_URL": self.auth_public_key
            or self.auth_public_key_file
            or self.auth_jwks_url,
            "AUTH_ISSUER": self.auth_issuer,
            "AUTH_AUDIENCE": self.auth_audience,
            "AUTH_LOGIN_URL": self.auth_login_url,
            "AUTH_REFRESH_URL": self.auth_refresh_url,
            "PAYMENT_PROVIDERS": self.payment_providers,
        }
        for name, value in required.items():
            if not value:
                raise ValueError(f"set {name}: APP_ENV=production has no default for it")
        if len(self.secret_key) < 32:
            raise ValueError("set SECRET_KEY to at least 32 random characters")
        if self.debug:
            raise ValueError("unset DEBUG: it shows secrets")
        if self.failpoints:
            raise ValueError("unset FAILPOINTS: it kills processes on purpose")
        if self.database_url.startswith("sqlite"):
            raise ValueError("set DATABASE_URL to PostgreSQL: SQLite is for the demo")
        if "sandbox" in self.providers:
            raise ValueError("take sandbox out of PAYMENT_PROVIDERS: it pretends to take money")

    @property
    def pretends(self) -> bool:
        """Sandbox payment system, demo Auth, cinema and the movable clock exist."""
        return self.app_env != "production"

    @property
    def origin(self) -> str:
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def accent(self) -> str:
        """# and six hex digits, "" for the house's own."""
        return f"#{self.brand_accent.removeprefix('#').lower()}" if self.brand_accent else ""

    @property
    def data(self) -> Path:
        """DATA_DIR, absolute and existing."""
        path = self.data_dir.absolute()
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'portal.db'}"

    @property
    def queue(self) -> str:
        return self.queue_url or f"sqlite:///{self.data / 'queue.db'}"

    @property
    def sandbox_database(self) -> str:
        return self.sandbox_database_url or f"sqlite:///{self.data / 'sandbox.db'}"

    @property
    def auth_database(self) -> str:
        return self.auth_database_url or f"sqlite:///{self.data / 'auth.db'}"

    @property
    def providers(self) -> tuple[str, ...]:
        named = self.payment_providers or ("sandbox" if self.app_env != "production" else "")
        return tuple(name.strip() for name in named.split(",") if name.strip())

    @property
    def issuer(self) -> str:
        return self.auth_issuer or f"{self.origin}/auth"

    @property
    def audience(self) -> str:
        return self.auth_audience or "matinee"

    @property
    def login_url(self) -> str:
        return self.auth_login_url or "/auth/login"

    @property
    def refresh_url(self) -> str:
        return self.auth_refresh_url or "/auth/refresh"

    @property
    def users_url(self) -> str:
        """Where the audit asks what Auth says of a user."""
        return (self.auth_users_url or f"{self.origin}/auth/users").rstrip("/")

    @property
    def services(self) -> tuple[tuple[str, str], ...]:
        """Who may ask for anybody's entitlements: name and SHA-256 of a token; two of one name while it is replaced."""
        pairs = [pair.strip().partition(":") for pair in self.service_tokens.split(",") if pair.strip()]
        return tuple((name, digest.lower()) for name, _, digest in pairs)

    @property
    def retry_days(self) -> tuple[int, ...]:
        return tuple(int(day) for day in self.dunning_retry_days.split(",") if day.strip())

    @property
    def sandbox_base(self) -> str:
        return (self.sandbox_url or f"{self.origin}/sandbox").rstrip("/")

    @property
    def return_hosts(self) -> frozenset[str]:
        """Hosts a client may ask us to send the customer back to."""
        return frozenset(h.strip().lower() for h in self.allowed_return_hosts.split(",") if h.strip())

    def secret(self, name: str) -> str:
        """A secret of this installation, made once in DATA_DIR. Production sets its own."""
        given = {"secret_key": self.secret_key, "sandbox_webhook_secret": self.sandbox_webhook_secret}.get(name, "")
        if given:
            return given
        path = self.data / "secrets" / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            # Several processes may start at once: the first link wins, and nobody reads a half-written file.
            draft = path.with_name(f"{name}.{secrets.token_hex(4)}")
            draft.write_text(secrets.token_hex(32))
            draft.chmod(0o600)
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text()

    def policy(self) -> Policy:
        return Policy(
            zone=self.billing_timezone,
            currency=self.billing_currency,
            grace_days=self.grace_days,
            checkout_ttl_minutes=self.checkout_ttl_minutes,
            dunning_retry_days=self.retry_days,
            give_up_days=self.give_up_days,
            refund_window_days=self.refund_window_days,
            refund_policy=self.refund_policy,
            refund_answer_days=self.refund_answer_days,
            charges_per_day=self.charges_per_day,
            charges_per_run=self.charges_per_run,
        )


def environment() -> dict[str, str]:
    """Everything that is set, `.env` included: for payment modules from outside, whose settings we do not know."""
    written = dotenv_values(".env")
    return {name: value for name, value in written.items() if value is not None} | dict(os.environ)


def load_settings(**given: object) -> Settings:
    """Settings from the environment and `.env`; `given` wins. Raises Misconfigured with one line."""
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]).upper()
        raise Misconfigured(f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}") from None
