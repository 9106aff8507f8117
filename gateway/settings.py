"""Configuration: read once at start, frozen, wrong values refused in one plain sentence.

Nothing about one council is in code: its name, windows and origins arrive here.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one gateway process needs to know.

    Attributes:
        database_url: PostgreSQL URL of the app role.
        public_url: ``https://host[:port]`` as clients see it, no path, no trailing slash; the issuer.
            Everything that compares a URL compares with this one, never with the Host header.
        kek_file: key-encryption key, 32 bytes in hexadecimal, readable by the process only.
        log_origin: origin line of the disclosure log (C2SP tlog-checkpoint), no scheme.
        council_name: shown to partners.
        synthetic_people: true in the demo and tests only: NHS numbers from the 999 range are the only
            ones accepted; false: they are the only ones refused.
        token_seconds: lifetime of an access token (design: 300).
        entitlement_days_before: working days before a meeting at which its packs open.
        entitlement_days_after: packs close at the start of this working day after the meeting.
        extract_days: an extract may be used for at most this many days.
        consent_months: validity of a decision that names no end.
    """

    database_url: str
    public_url: str
    kek_file: Path
    log_origin: str
    council_name: str
    synthetic_people: bool = False
    token_seconds: int = 300
    entitlement_days_before: int = 7
    entitlement_days_after: int = 6
    extract_days: int = 30
    consent_months: int = 6

    @property
    def issuer(self) -> str:
        """The authorization server's issuer identifier (RFC 8414), equal to the public URL."""
        return self.public_url

    @property
    def resource(self) -> str:
        """The protected resource's identifier (RFC 8707), the sole audience of our tokens."""
        return f"{self.public_url}/v1"


def load_settings() -> Settings:
    """Read the settings from the environment, and from the file that GATEWAY_ENV_FILE names, if any.

    The environment wins over the file.
    Raises: SettingsError, naming the variable and what to do.
    """
    env = Env(prefix="GATEWAY_")
    env_file = env.path("ENV_FILE", None)
    if env_file is not None:
        env.read_env(env_file, recurse=False)
    try:
        settings = Settings(
            database_url=env.str("DATABASE_URL"),
            public_url=env.str("PUBLIC_URL"),
            kek_file=Path(env.str("KEK_FILE")),
            log_origin=env.str("LOG_ORIGIN"),
            council_name=env.str("COUNCIL_NAME"),
            synthetic_people=env.bool("SYNTHETIC_PEOPLE", False),
            entitlement_days_before=env.int("ENTITLEMENT_DAYS_BEFORE", 7),
            entitlement_days_after=env.int("ENTITLEMENT_DAYS_AFTER", 6),
            extract_days=env.int("EXTRACT_DAYS", 30),
            consent_months=env.int("CONSENT_MONTHS", 6),
        )
    except EnvError as error:
        raise SettingsError(f"The gateway cannot start: {_sentence(error)}.") from error
    _check(settings)
    return settings


def _sentence(error: EnvError) -> str:
    return str(error).strip().rstrip(".").replace('"', "")


def _check(settings: Settings) -> None:
    url = urlsplit(settings.public_url)
    windows = (
        settings.entitlement_days_before,
        settings.entitlement_days_after,
        settings.extract_days,
        settings.consent_months,
    )
    rules = {
        "GATEWAY_PUBLIC_URL must be https://host or https://host:port, without a path": (
            url.scheme == "https" and bool(url.netloc) and not (url.path or url.query or url.fragment)
        ),
        "GATEWAY_DATABASE_URL must be a postgresql:// URL": settings.database_url.startswith(
            ("postgresql://", "postgres://")
        ),
        "GATEWAY_KEK_FILE must name an existing key file": settings.kek_file.is_file(),
        "GATEWAY_COUNCIL_NAME must not be empty": bool(settings.council_name.strip()),
        "the day and month settings must be 1 or more": min(windows) >= 1,
    }
    for rule, holds in rules.items():
        if not holds:
            raise SettingsError(f"The gateway cannot start: {rule}.")
