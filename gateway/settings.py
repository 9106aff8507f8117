"""Configuration: read once at start, frozen, wrong values refused in one plain sentence.

Nothing about one council is in code: its name, windows and origins arrive here.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError

_HOURS = 24
_YEAR = 366
_CODE = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_NOTICE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NOTICE_VERSION = re.compile(r"[A-Za-z0-9._-]{1,40}")
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_CONTACT = 200
_READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3
_TELEPHONE = re.compile(r"(?P<name>[^\W\d_][^\x00-\x1f\x7f]{0,79}?) +(?P<number>\+?[0-9](?: ?[0-9]){1,19})")
_SHIFT = 12
_LARGEST_SAMPLE = 50
_LAST_DAY = 28  # that every month has
_MONTHS = (1, 2, 3, 4, 6, 12)
_SCOPE = re.compile(r"[a-z]+:[a-z-]+")
_LOOPBACK = ("localhost", "127.0.0.1")
PROVIDER_ALGORITHMS = ("PS256", "RS256", "ES256")
"""What a provider may sign with; a council may name fewer, and nobody more."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence for the operator."""


class ClientCertificates(StrEnum):
    """Where a client's certificate is read from; one place, never two."""

    OFF = "off"
    """Nowhere: mutual TLS is not offered, and a header that claims to carry a certificate is refused."""
    TLS = "tls"
    """From the gateway's own TLS connection, on the mutual-TLS listener."""
    PROXY = "proxy"
    """From two headers of nginx, and only where they come from it."""


class AssertionAudience(StrEnum):
    """Whom our assertion to the provider is for, as the provider wants it."""

    ISSUER = "issuer"
    TOKEN_ENDPOINT = "token_endpoint"  # noqa: S105 - a name
    """What Entra ID asks for."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The council's own sign-in (OpenID Connect), and who we are to it.

    Attributes:
        issuer: its issuer identifier, exactly as its metadata and tokens say it.
        client_key_file: our private key (JWK), for ``private_key_jwt``; None: there is a secret.
        client_secret_file: our secret, for ``client_secret_basic``; None: there is a key.
        algorithms: what its tokens may be signed with, whatever its metadata lists.
        name: what the button calls it.
        ca_file: an authority to trust for its certificate, beside the system's; None: there is none.
        acr: what a fresh proof has to say of how somebody signed in; None: nothing in particular.
    """

    issuer: str
    client_id: str
    client_key_file: Path | None = None
    client_secret_file: Path | None = None
    assertion_audience: AssertionAudience = AssertionAudience.ISSUER
    algorithms: tuple[str, ...] = PROVIDER_ALGORITHMS
    name: str = "your council account"
    ca_file: Path | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class Telephone:
    """Whom one rings, and the number as it is said."""

    name: str
    number: str

    @property
    def digits(self) -> str:
        """The number as a telephone dials it."""
        return self.number.replace(" ", "")


@dataclass(frozen=True, slots=True)
class EmergencySettings:
    """What is there for somebody who has to act while no record can be read.

    Attributes:
        numbers: whom to ring, in the order in which they are shown; never none.
        key_file: the public key (JWK) to which what is typed is sealed; None: nothing can be kept.
        spool: folder of what was sealed, until the database is back; None: nothing can be kept.
        shift_hours: how long after signing in somebody may write there, 12 at most.
    """

    numbers: tuple[Telephone, ...] = (Telephone("Police, ambulance, fire", "999"),)
    key_file: Path | None = None
    spool: Path | None = None
    shift_hours: int = 12


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How agencies are asked to confirm some of what they received.

    Attributes:
        size: releases of one sample, 50 at most; 0: none is drawn but by hand.
        day: of the month, 1 to 28, from which on the months before are drawn from.
        months: how many of them a sample is of: 1, 2, 3, 4, 6 or 12.
        answer_days: days in which an agency answers; then it is reminded.
        escalate_days: further days after which its silence is the officer's.
    """

    size: int = 5
    day: int = 3
    months: int = 1
    answer_days: int = 14
    escalate_days: int = 14


@dataclass(frozen=True, slots=True)
class Settings:
    """What one gateway process needs to know.

    Attributes:
        database_url: PostgreSQL URL of the app role.
        public_url: ``https://host[:port]`` as clients see it, no path, no trailing slash; the issuer.
            Everything that compares a URL compares with this one, never with the Host header.
        kek_file: key-encryption key, 32 bytes in hexadecimal, readable by the process only.
        log_origin: origin line of the disclosure log (C2SP tlog-checkpoint), no scheme.
        log_key_file: the log's signing key (Ed25519), 64 hexadecimal digits.
        state_dir: folder of what this node remembers outside the database: how far the log was signed, and whose
            data was erased. It goes into no backup of the database.
        council_name: shown to partners.
        data_protection_contact: how the data protection officer is reached, for the record of processing; empty: nobody
            said.
        brand_colour: the council's colour on the pages, ``#rrggbb``; white has to be readable on it.
        synthetic_people: true in the demo and tests only: NHS numbers from the 999 range are the only
            ones accepted; false: they are the only ones refused.
        token_seconds: lifetime of an access token (design: 300).
        entitlement_days_before: working days before a meeting at which its packs open.
        entitlement_days_after: packs close at the start of this working day after the meeting.
        extract_days: an extract may be used for at most this many days.
        consent_months: validity of a decision that names no end.
        follow_up_days: working days in which a yes by word of mouth is followed up in writing.
        recall_days: working days in which an agency answers a recall.
        consent_notice: id and version of the privacy notice that families are shown.
        lapse_at_sixteen: what a parent agreed for a child ends when the child is 16; at 18 it always does.
        mtls_url: ``https://host[:port]`` of the mutual-TLS listener as clients see it; None: there is none.
        client_certificates: where certificates are read from.
        health_hosts: further Host names that are answered, for load balancers that ask a node by its address.
        client_crl_file: where the revocation list of our authority is kept for the TLS servers; None: nowhere.
        trusted_proxies: addresses whose certificate headers are believed, beside a unix socket.
        dpop_nonce_scopes: scopes for which a proof needs a nonce of ours (RFC 9449 sections 8 and 9).
        client_requests_per_minute: requests of one client; also the burst it may save up.
        practitioner_requests_per_minute: the same for one practitioner of one client.
        absences_per_hour: case-level "not found" answers of one client, after which it gets none for a while.
        attestation_days: how often an agency confirms its list of practitioners.
        attestation_grace_days: how long an unconfirmed list is still believed.
        alert_pulls_per_hour: requests for extracts of one practitioner in an hour that alert the officer.
        alert_family_pulls_per_day: requests of one practitioner for one family in a day that alert the officer.
        working_hours: first and last hour (London, the last not included) of unremarkable requests.
        referral_hours: within which a written referral follows a call, and what was left open is answered.
        referral_answer_days: working days within which the destination acknowledges and decides.
        referral_escalate_days: working days after which its silence is taken further.
        referral_review_days: working days within which the safeguarding lead looks at a referral.
        referral_visible_days: days within which it is decided whether a referral may be seen in a statement.
        policy_document: id and version of the appropriate policy document (Data Protection Act 2018 schedule 1 part 4).
        duty_to_share_notice: id and version of the notice that told families of the duty to share; empty: it is off.
        duty_to_share_classes: of agencies, a, b or c, for which it is on.
        kek_other_file: the key-encryption key of another epoch, while keys are wrapped again; None: there is none.
        log_next_key_file: the key that signs beside the present one while keys are rotated; None: no rotation.
        promise_key_file: the key of promises to include a referral's entry; None: no promise is made.
        statement_key_file: the key that signs families' statements; None: they are not signed.
        witness_policy_file: who cosigns the log, and how many must (C2SP tlog-policy); None: nobody.
        witness_warn_seconds: age of the newest witnessed checkpoint that is said loudly.
        witness_stop_seconds: age at which nothing is released any more, referrals apart.
        provider: where members of staff sign in; None: here, with passkeys.
        emergency: what is there while no record can be read.
        sampling: how agencies are asked to confirm some of what they received.
    """

    database_url: str
    public_url: str
    kek_file: Path
    log_origin: str
    log_key_file: Path
    state_dir: Path
    council_name: str
    data_protection_contact: str = ""
    brand_colour: str = "#14365c"
    synthetic_people: bool = False
    token_seconds: int = 300
    entitlement_days_before: int = 7
    entitlement_days_after: int = 6
    extract_days: int = 30
    consent_months: int = 6
    follow_up_days: int = 10
    recall_days: int = 5
    consent_notice: tuple[str, str] = ("early-help-notice", "1")
    lapse_at_sixteen: bool = True
    mtls_url: str | None = None
    client_certificates: ClientCertificates = ClientCertificates.OFF
    health_hosts: frozenset[str] = frozenset()
    client_crl_file: Path | None = None
    trusted_proxies: frozenset[str] = frozenset()
    dpop_nonce_scopes: frozenset[str] = frozenset({"referral:read", "referral:write"})
    client_requests_per_minute: int = 600
    practitioner_requests_per_minute: int = 300
    absences_per_hour: int = 100
    attestation_days: int = 31
    attestation_grace_days: int = 14
    alert_pulls_per_hour: int = 60
    alert_family_pulls_per_day: int = 20
    working_hours: tuple[int, int] = (7, 20)
    referral_hours: int = 24
    referral_answer_days: int = 1
    referral_escalate_days: int = 2
    referral_review_days: int = 2
    referral_visible_days: int = 28
    policy_document: str = ""
    duty_to_share_notice: str = ""
    duty_to_share_classes: frozenset[str] = frozenset()
    kek_other_file: Path | None = None
    log_next_key_file: Path | None = None
    promise_key_file: Path | None = None
    statement_key_file: Path | None = None
    witness_policy_file: Path | None = None
    witness_warn_seconds: int = 120
    witness_stop_seconds: int = 900
    provider: ProviderSettings | None = None
    emergency: EmergencySettings = EmergencySettings()
    sampling: SamplingSettings = SamplingSettings()

    @property
    def issuer(self) -> str:
        """The authorization server's issuer identifier (RFC 8414), equal to the public URL."""
        return self.public_url

    @property
    def resource(self) -> str:
        """The protected resource's identifier (RFC 8707), the sole audience of our tokens."""
        return f"{self.public_url}/v1"

    @property
    def register_believed_days(self) -> int:
        """For how many days after it was confirmed a list of practitioners is believed."""
        return self.attestation_days + self.attestation_grace_days

    @property
    def hosts(self) -> frozenset[str]:
        """Every Host name that is answered; a request for another one was meant for somebody else, or is an attack."""
        own = {urlsplit(url).hostname or "" for url in self.base_urls}
        return frozenset({*own, *self.health_hosts, *_LOOPBACK})

    @property
    def base_urls(self) -> tuple[str, ...]:
        """Every address clients reach us at: the public one first, then the mutual-TLS listener's."""
        return (self.public_url,) if self.mtls_url is None else (self.public_url, self.mtls_url)


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
            log_key_file=Path(env.str("LOG_KEY_FILE")),
            state_dir=Path(env.str("STATE_DIR")),
            council_name=env.str("COUNCIL_NAME"),
            data_protection_contact=env.str("DATA_PROTECTION_CONTACT", ""),
            brand_colour=env.str("BRAND_COLOUR", "#14365c"),
            synthetic_people=env.bool("SYNTHETIC_PEOPLE", False),
            entitlement_days_before=env.int("ENTITLEMENT_DAYS_BEFORE", 7),
            entitlement_days_after=env.int("ENTITLEMENT_DAYS_AFTER", 6),
            extract_days=env.int("EXTRACT_DAYS", 30),
            consent_months=env.int("CONSENT_MONTHS", 6),
            follow_up_days=env.int("FOLLOW_UP_DAYS", 10),
            recall_days=env.int("RECALL_DAYS", 5),
            consent_notice=_notice(env.str("CONSENT_NOTICE", "early-help-notice:1")),
            lapse_at_sixteen=env.bool("LAPSE_AT_SIXTEEN", True),
            mtls_url=env.str("MTLS_URL", None),
            client_certificates=env.enum(
                "CLIENT_CERTIFICATES", ClientCertificates.OFF, enum=ClientCertificates, by_value=True
            ),
            health_hosts=frozenset(env.list("HEALTH_HOSTS", [])),
            client_crl_file=env.path("CLIENT_CRL_FILE", None),
            trusted_proxies=frozenset(env.list("TRUSTED_PROXIES", [])),
            dpop_nonce_scopes=frozenset(env.list("DPOP_NONCE_SCOPES", ["referral:read", "referral:write"])),
            client_requests_per_minute=env.int("CLIENT_REQUESTS_PER_MINUTE", 600),
            practitioner_requests_per_minute=env.int("PRACTITIONER_REQUESTS_PER_MINUTE", 300),
            absences_per_hour=env.int("ABSENCES_PER_HOUR", 100),
            attestation_days=env.int("ATTESTATION_DAYS", 31),
            attestation_grace_days=env.int("ATTESTATION_GRACE_DAYS", 14),
            alert_pulls_per_hour=env.int("ALERT_PULLS_PER_HOUR", 60),
            alert_family_pulls_per_day=env.int("ALERT_FAMILY_PULLS_PER_DAY", 20),
            working_hours=_hours(env.str("WORKING_HOURS", "7-20")),
            referral_hours=env.int("REFERRAL_HOURS", 24),
            referral_answer_days=env.int("REFERRAL_ANSWER_DAYS", 1),
            referral_escalate_days=env.int("REFERRAL_ESCALATE_DAYS", 2),
            referral_review_days=env.int("REFERRAL_REVIEW_DAYS", 2),
            referral_visible_days=env.int("REFERRAL_VISIBLE_DAYS", 28),
            policy_document=env.str("POLICY_DOCUMENT", ""),
            duty_to_share_notice=env.str("DUTY_TO_SHARE_NOTICE", ""),
            duty_to_share_classes=frozenset(env.list("DUTY_TO_SHARE_CLASSES", [])),
            kek_other_file=env.path("KEK_OTHER_FILE", None),
            log_next_key_file=env.path("LOG_NEXT_KEY_FILE", None),
            promise_key_file=env.path("PROMISE_KEY_FILE", None),
            statement_key_file=env.path("STATEMENT_KEY_FILE", None),
            witness_policy_file=env.path("WITNESS_POLICY_FILE", None),
            witness_warn_seconds=env.int("WITNESS_WARN_SECONDS", 120),
            witness_stop_seconds=env.int("WITNESS_STOP_SECONDS", 900),
            provider=_provider(env),
            emergency=_emergency(env),
            sampling=_sampling(env),
        )
    except EnvError as error:
        raise SettingsError(f"The gateway cannot start: {_sentence(error)}.") from error
    _check(settings)
    return settings


def environ_of(settings: Settings) -> dict[str, str]:
    """Return the variables from which another process loads the same parts.

    Every required one, whose data it is, and what must mean the same in each process of a council.
    """
    return {
        "GATEWAY_DATABASE_URL": settings.database_url,
        "GATEWAY_PUBLIC_URL": settings.public_url,
        "GATEWAY_KEK_FILE": str(settings.kek_file),
        "GATEWAY_LOG_ORIGIN": settings.log_origin,
        "GATEWAY_LOG_KEY_FILE": str(settings.log_key_file),
        "GATEWAY_STATE_DIR": str(settings.state_dir),
        "GATEWAY_COUNCIL_NAME": settings.council_name,
        "GATEWAY_DATA_PROTECTION_CONTACT": settings.data_protection_contact,
        "GATEWAY_BRAND_COLOUR": settings.brand_colour,
        "GATEWAY_SYNTHETIC_PEOPLE": str(settings.synthetic_people).lower(),
        "GATEWAY_LAPSE_AT_SIXTEEN": str(settings.lapse_at_sixteen).lower(),
        **({"GATEWAY_PROMISE_KEY_FILE": str(settings.promise_key_file)} if settings.promise_key_file else {}),
        **(
            {"GATEWAY_STATEMENT_KEY_FILE": str(settings.statement_key_file)}
            if settings.statement_key_file
            else {}
        ),
        **_environ_of_emergency(settings.emergency),
    }


def _environ_of_emergency(emergency: EmergencySettings) -> dict[str, str]:
    places = {"GATEWAY_EMERGENCY_KEY_FILE": emergency.key_file, "GATEWAY_EMERGENCY_SPOOL": emergency.spool}
    return {
        "GATEWAY_EMERGENCY_NUMBERS": "; ".join(f"{each.name} {each.number}" for each in emergency.numbers),
        "GATEWAY_SHIFT_HOURS": str(emergency.shift_hours),
        **{name: str(place) for name, place in places.items() if place is not None},
    }


def contrast_with_white(colour: str) -> float:
    """The contrast ratio of WCAG 2.2 between white and ``#rrggbb``: 1 for white, 21 for black."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the formula's
        for share in shares
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _provider(env: Env) -> ProviderSettings | None:
    issuer = env.str("OIDC_ISSUER", None)
    if issuer is None:
        return None
    return ProviderSettings(
        issuer=issuer,
        client_id=env.str("OIDC_CLIENT_ID"),
        client_key_file=env.path("OIDC_CLIENT_KEY_FILE", None),
        client_secret_file=env.path("OIDC_CLIENT_SECRET_FILE", None),
        assertion_audience=env.enum(
            "OIDC_ASSERTION_AUDIENCE", AssertionAudience.ISSUER, enum=AssertionAudience, by_value=True
        ),
        algorithms=tuple(env.list("OIDC_ALGORITHMS", list(PROVIDER_ALGORITHMS))),
        name=env.str("OIDC_NAME", "your council account"),
        ca_file=env.path("OIDC_CA_FILE", None),
        acr=env.str("OIDC_ACR", None),
    )


def _emergency(env: Env) -> EmergencySettings:
    numbers = env.str("EMERGENCY_NUMBERS", None)
    return EmergencySettings(
        numbers=EmergencySettings().numbers if numbers is None else _telephones(numbers),
        key_file=env.path("EMERGENCY_KEY_FILE", None),
        spool=env.path("EMERGENCY_SPOOL", None),
        shift_hours=env.int("SHIFT_HOURS", 12),
    )


def _sampling(env: Env) -> SamplingSettings:
    return SamplingSettings(
        size=env.int("SAMPLE_SIZE", 5),
        day=env.int("SAMPLE_DAY", 3),
        months=env.int("SAMPLE_MONTHS", 1),
        answer_days=env.int("SAMPLE_ANSWER_DAYS", 14),
        escalate_days=env.int("SAMPLE_ESCALATE_DAYS", 14),
    )


def _telephones(text: str) -> tuple[Telephone, ...]:
    found = [_TELEPHONE.fullmatch(part.strip()) for part in text.split(";") if part.strip()]
    telephones = [Telephone(each["name"], each["number"]) for each in found if each is not None]
    if not telephones or len(telephones) < len(found):
        raise SettingsError(
            "The gateway cannot start: GATEWAY_EMERGENCY_NUMBERS is names, each with its number,"
            " for example Police 999; Out of hours 020 7946 0001."
        )
    return tuple(telephones)


def _sentence(error: EnvError) -> str:
    return str(error).strip().rstrip(".").replace('"', "")


def _notice(text: str) -> tuple[str, str]:
    notice, _, version = text.partition(":")
    if not (_NOTICE.fullmatch(notice) and _NOTICE_VERSION.fullmatch(version)):
        raise SettingsError(
            "The gateway cannot start: GATEWAY_CONSENT_NOTICE is an id and a version, for example early-help:3."
        )
    return notice, version


def _is_notice(text: str) -> bool:
    notice, _, version = text.partition(":")
    return bool(_NOTICE.fullmatch(notice) and _NOTICE_VERSION.fullmatch(version))


def _hours(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) < int(last) <= _HOURS):
        raise SettingsError("The gateway cannot start: GATEWAY_WORKING_HOURS is two hours, for example 7-20.")
    return int(first), int(last)


def _check(settings: Settings) -> None:
    provider = {} if settings.provider is None else _provider_rules(settings.provider)
    for rules in (_address_rules(settings), _file_rules(settings), _number_rules(settings), provider):
        for rule, holds in rules.items():
            if not holds:
                raise SettingsError(f"The gateway cannot start: {rule}.")


def _address_rules(settings: Settings) -> dict[str, bool]:
    """What holds of names and addresses."""
    reads_certificates = settings.client_certificates is not ClientCertificates.OFF
    return {
        "GATEWAY_PUBLIC_URL must be https://host or https://host:port, without a path": _is_base_url(
            settings.public_url
        ),
        "GATEWAY_DATABASE_URL must be a postgresql:// URL": settings.database_url.startswith(
            ("postgresql://", "postgres://")
        ),
        "GATEWAY_DUTY_TO_SHARE_CLASSES must be some of a,b,c, and goes with GATEWAY_DUTY_TO_SHARE_NOTICE, an id and a"
        " version, for example early-help:3": (
            settings.duty_to_share_classes <= {"a", "b", "c"}
            and bool(settings.duty_to_share_classes) == bool(settings.duty_to_share_notice)
            and (not settings.duty_to_share_notice or _is_notice(settings.duty_to_share_notice))
        ),
        "GATEWAY_POLICY_DOCUMENT must be a code, for example APD-3": (
            not settings.policy_document or _CODE.fullmatch(settings.policy_document) is not None
        ),
        "GATEWAY_COUNCIL_NAME must not be empty": bool(settings.council_name.strip()),
        f"GATEWAY_DATA_PROTECTION_CONTACT must be one line of at most {_CONTACT} characters": (
            settings.data_protection_contact.isprintable()
            and len(settings.data_protection_contact) <= _CONTACT
        ),
        "GATEWAY_BRAND_COLOUR must be #rrggbb, and dark enough for white words (4.5:1)": (
            _COLOUR.fullmatch(settings.brand_colour) is not None
            and contrast_with_white(settings.brand_colour) >= _READABLE
        ),
        "GATEWAY_DPOP_NONCE_SCOPES must be scopes, each noun:verb": all(
            _SCOPE.fullmatch(scope) for scope in settings.dpop_nonce_scopes
        ),
        "GATEWAY_MTLS_URL must be https://host or https://host:port, not the public URL": (
            settings.mtls_url is None
            or (_is_base_url(settings.mtls_url) and settings.mtls_url != settings.public_url)
        ),
        "GATEWAY_MTLS_URL and GATEWAY_CLIENT_CERTIFICATES (tls or proxy) go together": (
            reads_certificates == (settings.mtls_url is not None)
        ),
        "GATEWAY_TRUSTED_PROXIES must be IP addresses, and goes with GATEWAY_CLIENT_CERTIFICATES=proxy": (
            all(map(_is_address, settings.trusted_proxies))
            and (settings.client_certificates is ClientCertificates.PROXY or not settings.trusted_proxies)
        ),
    }


def _file_rules(settings: Settings) -> dict[str, bool]:
    """What holds of files and folders."""
    optional = {
        "KEK_OTHER_FILE": settings.kek_other_file,
        "LOG_NEXT_KEY_FILE": settings.log_next_key_file,
        "PROMISE_KEY_FILE": settings.promise_key_file,
        "STATEMENT_KEY_FILE": settings.statement_key_file,
        "WITNESS_POLICY_FILE": settings.witness_policy_file,
        "EMERGENCY_KEY_FILE": settings.emergency.key_file,
    }
    return {
        "GATEWAY_KEK_FILE must name an existing key file": settings.kek_file.is_file(),
        "GATEWAY_LOG_KEY_FILE must name an existing key file": settings.log_key_file.is_file(),
        "GATEWAY_STATE_DIR must name an existing folder": settings.state_dir.is_dir(),
        "GATEWAY_EMERGENCY_SPOOL must name an existing folder": (
            settings.emergency.spool is None or settings.emergency.spool.is_dir()
        ),
        **{
            f"GATEWAY_{name} must name an existing file": file is None or file.is_file()
            for name, file in optional.items()
        },
    }


def _number_rules(settings: Settings) -> dict[str, bool]:
    """What holds of days, months, counts and seconds."""
    counts = (
        settings.entitlement_days_before,
        settings.entitlement_days_after,
        settings.extract_days,
        settings.consent_months,
        settings.follow_up_days,
        settings.recall_days,
        settings.client_requests_per_minute,
        settings.practitioner_requests_per_minute,
        settings.absences_per_hour,
        settings.attestation_days,
        settings.alert_pulls_per_hour,
        settings.alert_family_pulls_per_day,
        settings.referral_hours,
        settings.referral_answer_days,
        settings.referral_escalate_days,
        settings.referral_review_days,
        settings.referral_visible_days,
    )
    return {
        "the day, month and count settings must be 1 or more": (
            min(counts) >= 1 and settings.attestation_grace_days >= 0
        ),
        "GATEWAY_ATTESTATION_DAYS and GATEWAY_ATTESTATION_GRACE_DAYS must be a year at most": (
            max(settings.attestation_days, settings.attestation_grace_days) <= _YEAR
        ),
        f"GATEWAY_SAMPLE_SIZE must be 0 to {_LARGEST_SAMPLE}, GATEWAY_SAMPLE_DAY 1 to {_LAST_DAY}, and"
        " GATEWAY_SAMPLE_MONTHS 1, 2, 3, 4, 6 or 12": (
            0 <= settings.sampling.size <= _LARGEST_SAMPLE
            and 1 <= settings.sampling.day <= _LAST_DAY
            and settings.sampling.months in _MONTHS
        ),
        f"GATEWAY_SAMPLE_ANSWER_DAYS and GATEWAY_SAMPLE_ESCALATE_DAYS must be 1 to {_YEAR}": all(
            1 <= days <= _YEAR for days in (settings.sampling.answer_days, settings.sampling.escalate_days)
        ),
        f"GATEWAY_SHIFT_HOURS must be 1 to {_SHIFT}": 1 <= settings.emergency.shift_hours <= _SHIFT,
        "GATEWAY_WITNESS_WARN_SECONDS must be 1 or more, and GATEWAY_WITNESS_STOP_SECONDS more than it": (
            1 <= settings.witness_warn_seconds < settings.witness_stop_seconds
        ),
    }


def _provider_rules(provider: ProviderSettings) -> dict[str, bool]:
    """What holds of the council's own sign-in."""
    ways = (provider.client_key_file, provider.client_secret_file)
    return {
        "GATEWAY_OIDC_ISSUER must be https://host, and may go on with a path": _is_issuer(provider.issuer),
        "GATEWAY_OIDC_CLIENT_ID must not be empty": bool(provider.client_id.strip()),
        "GATEWAY_OIDC_CLIENT_KEY_FILE or GATEWAY_OIDC_CLIENT_SECRET_FILE must be set, and not both": (
            sum(way is not None for way in ways) == 1
        ),
        "GATEWAY_OIDC_CLIENT_KEY_FILE and GATEWAY_OIDC_CLIENT_SECRET_FILE must name existing files": all(
            way is None or way.is_file() for way in ways
        ),
        f"GATEWAY_OIDC_ALGORITHMS must be some of {' '.join(PROVIDER_ALGORITHMS)}": (
            bool(provider.algorithms) and set(provider.algorithms) <= set(PROVIDER_ALGORITHMS)
        ),
        "GATEWAY_OIDC_NAME must not be empty": bool(provider.name.strip()),
        "GATEWAY_OIDC_CA_FILE must name an existing file": provider.ca_file is None
        or provider.ca_file.is_file(),
        "GATEWAY_OIDC_ACR must not be empty": provider.acr is None or bool(provider.acr.strip()),
    }


def _is_issuer(text: str) -> bool:
    """OpenID Connect Discovery 1.0 section 3: https, no query and no fragment."""
    url = urlsplit(text)
    return url.scheme == "https" and bool(url.hostname) and not {"?", "#", "@", " "} & set(text)


def _is_base_url(text: str) -> bool:
    url = urlsplit(text)
    return url.scheme == "https" and bool(url.netloc) and not (url.path or url.query or url.fragment)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
