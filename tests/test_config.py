"""Settings: what each kind of installation needs, said in one line where it is missing."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import ValidationError

from portal.app import create_app
from portal.config import Misconfigured, Settings, load_settings

ROOT = Path(__file__).parents[1]

# Everything that production asks for; public test values.
PRODUCTION: dict[str, object] = {
    "app_env": "production",
    "secret_key": "0123456789abcdef0123456789abcdef",
    "public_url": "https://billing.example",
    "database_url": "postgresql://matinee@127.0.0.1/matinee",
    "amqp_url": "amqp://127.0.0.1:5672/%2F",
    "auth_jwks_url": "https://auth.example/jwks.json",
    "auth_issuer": "https://auth.example",
    "auth_audience": "matinee",
    "auth_login_url": "https://auth.example/login",
    "auth_refresh_url": "https://auth.example/refresh",
    "payment_providers": "stripe",
    "stripe_api_key": "sk_test_public",
    "stripe_webhook_secret": "whsec_test_public",
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests, and no `.env` of theirs."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def complaint(**given: object) -> str:
    with pytest.raises(Misconfigured) as refused:
        load_settings(**given)
    return str(refused.value)


@pytest.mark.parametrize("app_env", ["demo", "test"])
def test_demo_and_test_need_no_other_setting(app_env: str, tmp_path: Path) -> None:
    settings = load_settings(app_env=app_env)
    assert settings.pretends
    assert settings.providers == ("sandbox",)
    assert settings.database == f"sqlite:///{tmp_path / 'instance' / 'portal.db'}"
    assert settings.queue.startswith("sqlite:///")
    assert settings.origin == "http://127.0.0.1:8000"
    assert len(settings.secret("secret_key")) == 64


def test_the_demo_is_the_default() -> None:
    assert load_settings().app_env == "demo"


def test_production_starts_with_everything_it_asks_for() -> None:
    settings = load_settings(**PRODUCTION)
    assert not settings.pretends
    assert settings.providers == ("stripe",)


@pytest.mark.parametrize("missing", sorted(PRODUCTION.keys() - {"app_env"}))
def test_production_names_the_setting_that_is_missing(missing: str) -> None:
    for empty in ({}, {missing: ""}):
        said = complaint(**{name: value for name, value in PRODUCTION.items() if name != missing}, **empty)
        assert said.startswith("matinee: set ")
        assert missing.upper() in said
        assert "\n" not in said


@pytest.mark.fault("A11")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"secret_key": "short"}, "SECRET_KEY"),
        ({"debug": True}, "DEBUG"),
        ({"database_url": "sqlite:///portal.db"}, "DATABASE_URL"),
        ({"payment_providers": "sandbox"}, "PAYMENT_PROVIDERS"),
        ({"payment_providers": "stripe, sandbox"}, "PAYMENT_PROVIDERS"),
    ],
)
def test_production_refuses_what_only_a_demo_may_have(wrong: dict[str, object], hint: str) -> None:
    said = complaint(**PRODUCTION | wrong)
    assert hint in said
    assert "\n" not in said


def test_production_refuses_a_payment_system_that_is_not_installed(tmp_path: Path) -> None:
    settings = load_settings(**PRODUCTION | {"payment_providers": "nosuch", "data_dir": tmp_path})
    with pytest.raises(Misconfigured, match=r"PAYMENT_PROVIDERS.*nosuch"):
        create_app(settings)


@pytest.mark.fault("W12")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"stripe_api_key": ""}, "STRIPE_API_KEY"),
        ({"stripe_webhook_secret": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"stripe_webhook_secret": " , "}, "STRIPE_WEBHOOK_SECRET"),
        ({"stripe_api_key": "pk_live_public"}, "STRIPE_API_KEY"),
        ({"stripe_api_key": "sk_live_public\n"}, "STRIPE_API_KEY"),
        ({"stripe_api_base": "api.stripe.com"}, "STRIPE_API_BASE"),
        ({"payment_providers": "sandbox", "stripe_api_key": ""}, "STRIPE_API_KEY"),
        ({"payment_providers": "sandbox", "stripe_webhook_secret": ""}, "STRIPE_WEBHOOK_SECRET"),
    ],
)
def test_a_half_set_stripe_does_not_start(wrong: dict[str, str], hint: str) -> None:
    whole = {"payment_providers": "sandbox, stripe"}
    whole |= {"stripe_api_key": "sk_test_public", "stripe_webhook_secret": "whsec_public"}
    assert load_settings(**whole).providers == ("sandbox", "stripe")
    said = complaint(**whole | wrong)
    assert said.startswith(f"matinee: set {hint}")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"auth_public_key": "-----BEGIN", "auth_jwks_url": "https://a.example"}, "AUTH_PUBLIC_KEY and AUTH_JWKS_URL"),
        ({"auth_jwks_url": "auth.example/jwks.json"}, "AUTH_JWKS_URL to an address"),
        ({"auth_jwks_url": "file:///etc/jwks.json"}, "AUTH_JWKS_URL to an address"),
        ({"auth_jwks_url": "https:///jwks.json"}, "AUTH_JWKS_URL to an address"),
        ({"auth_jwks_url": "https://[auth/jwks.json"}, "AUTH_JWKS_URL to an address"),
        ({"auth_jwks_url": "https://auth:port/jwks.json"}, "AUTH_JWKS_URL to an address"),
    ],
)
def test_keys_come_from_one_place_that_can_be_asked(given: dict[str, str], hint: str) -> None:
    said = complaint(**given)
    assert said.startswith("matinee: set ")
    assert hint in said


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"brand_accent": "gold"}, "BRAND_ACCENT to six hex digits"),
        ({"brand_accent": "#f5b"}, "BRAND_ACCENT to six hex digits"),
        ({"brand_accent": "#f5b942; } body { display: none"}, "BRAND_ACCENT to six hex digits"),
        ({"brand_logo_url": "https://cdn.example/logo.svg"}, "BRAND_LOGO_URL to a path"),
        ({"brand_logo_url": "https://kino.example.evil.example/logo.svg"}, "BRAND_LOGO_URL to a path"),
        ({"brand_logo_url": "//cdn.example/logo.svg"}, "BRAND_LOGO_URL to a path"),
        ({"brand_logo_url": "/\\cdn.example/logo.svg"}, "BRAND_LOGO_URL to a path"),
        ({"brand_logo_url": "data:image/svg+xml,"}, "BRAND_LOGO_URL to a path"),
        ({"brand_logo_url": "logo.svg"}, "BRAND_LOGO_URL to a path"),
    ],
)
def test_a_brand_that_pages_cannot_show_does_not_start(wrong: dict[str, str], hint: str) -> None:
    said = complaint(public_url="https://kino.example", **wrong)
    assert said.startswith(f"matinee: set {hint}")
    assert "\n" not in said


@pytest.mark.parametrize("logo", ["/static/logo.svg", "https://kino.example/brand/logo.png?v=2"])
def test_a_brands_logo_may_lie_anywhere_on_our_own_host(logo: str) -> None:
    settings = load_settings(public_url="https://kino.example/", brand_logo_url=logo, brand_accent="0057FF")
    assert (settings.brand_logo_url, settings.accent) == (logo, "#0057ff")


def test_stripe_is_loaded_where_it_is_switched_on_only(tmp_path: Path) -> None:
    asked = "import sys; from portal.app import create_app; create_app(); print('stripe' in sys.modules)"
    keys = {"STRIPE_API_KEY": "sk_test_public", "STRIPE_WEBHOOK_SECRET": "whsec_public"}
    for providers, loaded in (("sandbox", "False"), ("sandbox,stripe", "True")):
        environment = {**os.environ, **keys, "PAYMENT_PROVIDERS": providers, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", asked], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.stdout.strip() == loaded, done.stderr


@pytest.mark.fault("A11")
def test_production_has_no_pretended_neighbour(tmp_path: Path) -> None:
    app = create_app(load_settings(**PRODUCTION | {"data_dir": tmp_path}), providers={})
    assert "matinee_sandbox" not in app.extensions
    client = app.test_client()
    for path in ("/sandbox/v1/payments", "/auth/token", "/auth/login", "/cinema/", "/styleguide"):
        assert client.get(path, base_url="https://billing.example").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"app_env": "staging"}, "APP_ENV"),
        ({"billing_timezone": "Mars/Olympus"}, "BILLING_TIMEZONE"),
        ({"billing_timezone": "../etc/passwd"}, "BILLING_TIMEZONE"),
        ({"billing_currency": "XXX"}, "BILLING_CURRENCY"),
        ({"default_locale": "fr"}, "DEFAULT_LOCALE"),
        ({"grace_days": -1}, "GRACE_DAYS"),
        ({"checkout_ttl_minutes": 29}, "CHECKOUT_TTL_MINUTES"),
        ({"port": "eighty"}, "PORT"),
    ],
)
@pytest.mark.parametrize("app_env", ["demo", "production"])
def test_a_value_that_makes_no_sense_is_refused_in_one_line(wrong: dict[str, object], hint: str, app_env: str) -> None:
    said = complaint(**PRODUCTION | {"app_env": app_env} | wrong)
    assert hint in said
    assert "\n" not in said


def test_a_refused_start_does_not_say_what_the_secrets_are() -> None:
    said = complaint(**PRODUCTION | {"secret_key": "a-short-secret"})
    assert "a-short-secret" not in said


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GRACE_DAYS=3\nBRAND_NAME=Kino\nNOT_OURS=1\n")
    monkeypatch.setenv("GRACE_DAYS", "5")
    settings = load_settings()
    assert (settings.grace_days, settings.brand_name) == (5, "Kino")


def test_every_setting_stands_in_the_example() -> None:
    shown = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(shown) == sorted(name.upper() for name in Settings.model_fields)


def test_settings_cannot_be_changed_after_the_start() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.app_env = "production"  # type: ignore[misc]  # the point of the test


def test_settings_become_the_policy_that_the_domain_reads() -> None:
    policy = load_settings(
        billing_timezone="Europe/Berlin", billing_currency="EUR", grace_days=3, checkout_ttl_minutes=60
    ).policy()
    assert (policy.zone, policy.currency, policy.grace_days) == ("Europe/Berlin", "EUR", 3)
    assert policy.checkout_ttl == timedelta(hours=1)


def test_lists_are_read_whatever_spaces_they_have() -> None:
    settings = load_settings(allowed_return_hosts=" Cinema.example , ,kino.example", payment_providers="sandbox , ")
    assert settings.return_hosts == {"cinema.example", "kino.example"}
    assert settings.providers == ("sandbox",)


# Secrets


def test_a_secret_that_is_set_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    settings = load_settings(secret_key="given", data_dir=tmp_path / "data")
    assert settings.secret("secret_key") == "given"
    assert not (tmp_path / "data").exists()


def test_eight_starting_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    barrier = Barrier(8)

    def start(_: int) -> str:
        settings = load_settings(data_dir=tmp_path / "data")
        barrier.wait()
        return settings.secret("secret_key")

    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(start, range(8)))
    assert len(secrets) == 1
    assert len(secrets.pop()) == 64
    assert [path.name for path in (tmp_path / "data" / "secrets").iterdir()] == ["secret_key"], "drafts are left over"


def test_a_secret_stays_the_same_and_differs_from_the_next(tmp_path: Path) -> None:
    first, again = (load_settings(data_dir=tmp_path / "data") for _ in range(2))
    assert first.secret("secret_key") == again.secret("secret_key")
    assert first.secret("secret_key") != first.secret("sandbox_webhook_secret")
    elsewhere = load_settings(data_dir=tmp_path / "other")
    assert elsewhere.secret("secret_key") != first.secret("secret_key")


def test_nobody_else_can_read_a_secret(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_settings(data_dir=tmp_path / "data").secret("secret_key")
    finally:
        os.umask(before)
    folder = tmp_path / "data" / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
