"""A missing or wrong setting stops the start with one plain sentence."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from certs.envelope import FileKek
from extract_client.log.note import write_key
from gateway import cli
from gateway.settings import (
    ProviderSettings,
    SettingsError,
    contrast_with_white,
    environ_of,
    load_settings,
)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    FileKek.create(tmp_path / "kek.hex")
    write_key(tmp_path / "log.key")
    values = {
        "DATABASE_URL": "postgresql://app@localhost/gateway",
        "PUBLIC_URL": "https://gateway.example.org",
        "KEK_FILE": str(tmp_path / "kek.hex"),
        "LOG_ORIGIN": "gateway.example.org/log/1",
        "LOG_KEY_FILE": str(tmp_path / "log.key"),
        "STATE_DIR": str(tmp_path),
        "COUNCIL_NAME": "Testshire",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    return monkeypatch


def test_right_settings_load(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("GATEWAY_ENTITLEMENT_DAYS_BEFORE", "5")
    settings = load_settings()
    assert ("https://gateway.example.org/v1", 5, False) == (
        settings.resource,
        settings.entitlement_days_before,
        settings.synthetic_people,
    )


def test_what_one_process_hands_on_loads_as_the_same_settings(environ: pytest.MonkeyPatch) -> None:
    """A required setting that is not handed on stops the demo's server, and every process a test starts."""
    environ.setenv("GATEWAY_SYNTHETIC_PEOPLE", "true")
    environ.setenv("GATEWAY_LAPSE_AT_SIXTEEN", "false")
    settings = load_settings()
    assert not settings.lapse_at_sixteen
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        environ.delenv(name)
    for name, value in environ_of(settings).items():
        environ.setenv(name, value)
    assert settings == load_settings()


def test_what_is_there_in_an_emergency_is_handed_on(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names and numbers as a council writes them; every node shows the same."""
    assert (("Police, ambulance, fire", "999"),) == tuple(
        (each.name, each.number) for each in load_settings().emergency.numbers
    )
    said = "Police 999;Children's social care  020 7946 0000; Team 2, out of hours +44 20 7946 0001;"
    (tmp_path / "notes.jwk").write_text("{}")
    for name, value in {
        "EMERGENCY_NUMBERS": said,
        "EMERGENCY_KEY_FILE": str(tmp_path / "notes.jwk"),
        "EMERGENCY_SPOOL": str(tmp_path),
        "SHIFT_HOURS": "8",
    }.items():
        environ.setenv(f"GATEWAY_{name}", value)
    settings = load_settings()
    assert [
        ("Police", "999", "999"),
        ("Children's social care", "020 7946 0000", "02079460000"),
        ("Team 2, out of hours", "+44 20 7946 0001", "+442079460001"),
    ] == [(each.name, each.number, each.digits) for each in settings.emergency.numbers]
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        environ.delenv(name)
    for name, value in environ_of(settings).items():
        environ.setenv(name, value)
    assert settings == load_settings()


@pytest.mark.parametrize(
    "name",
    ["DATABASE_URL", "PUBLIC_URL", "KEK_FILE", "LOG_ORIGIN", "LOG_KEY_FILE", "STATE_DIR", "COUNCIL_NAME"],
)
def test_a_missing_setting_is_named(environ: pytest.MonkeyPatch, name: str) -> None:
    environ.delenv(f"GATEWAY_{name}")
    with pytest.raises(SettingsError, match=f"GATEWAY_{name}"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/x"),
        ("PUBLIC_URL", "http://gateway.example.org"),
        ("PUBLIC_URL", "https://gateway.example.org/"),
        ("PUBLIC_URL", "https://gateway.example.org/app"),
        ("PUBLIC_URL", "gateway.example.org"),
        ("KEK_FILE", "/nowhere/kek.hex"),
        ("LOG_KEY_FILE", "/nowhere/log.key"),
        ("LOG_NEXT_KEY_FILE", "/nowhere/log.key"),
        ("WITNESS_POLICY_FILE", "/nowhere/policy"),
        ("STATE_DIR", "/nowhere"),
        ("WITNESS_STOP_SECONDS", "100"),
        ("COUNCIL_NAME", "  "),
        ("BRAND_COLOUR", "navy"),
        ("BRAND_COLOUR", "#14365"),
        ("BRAND_COLOUR", "#14365c; color: red"),
        ("BRAND_COLOUR", "#777777"),  # 4.48:1
        ("EXTRACT_DAYS", "0"),
        ("EXTRACT_DAYS", "soon"),
        ("SYNTHETIC_PEOPLE", "perhaps"),
        ("ABSENCES_PER_HOUR", "0"),
        ("ATTESTATION_GRACE_DAYS", "-1"),
        ("ATTESTATION_DAYS", "4000"),
        ("CLIENT_CERTIFICATES", "perhaps"),
        ("CLIENT_CERTIFICATES", "tls"),  # without an address where they are asked for
        ("MTLS_URL", "https://gateway.example.org:8444"),  # without a place where they are read from
        ("TRUSTED_PROXIES", "10.0.0.1"),  # while headers are not believed at all
        ("WORKING_HOURS", "20-7"),
        ("WORKING_HOURS", "7-25"),
        ("WORKING_HOURS", "always"),
        ("DPOP_NONCE_SCOPES", "everything"),
        ("EMERGENCY_NUMBERS", ""),
        ("EMERGENCY_NUMBERS", "; ;"),
        ("EMERGENCY_NUMBERS", "Police"),
        ("EMERGENCY_NUMBERS", "999"),
        ("EMERGENCY_NUMBERS", "Police 999; Out of hours"),
        ("EMERGENCY_NUMBERS", "Police 999, out of hours 020 7946 0001x"),
        ("EMERGENCY_KEY_FILE", "/nowhere/notes.jwk"),
        ("EMERGENCY_SPOOL", "/nowhere"),
        ("SHIFT_HOURS", "0"),
        ("SHIFT_HOURS", "13"),
        ("SHIFT_HOURS", "a day"),
        ("SAMPLE_SIZE", "-1"),
        ("SAMPLE_SIZE", "51"),
        ("SAMPLE_DAY", "0"),
        ("SAMPLE_DAY", "29"),  # that February has not
        ("SAMPLE_MONTHS", "5"),
        ("SAMPLE_ANSWER_DAYS", "0"),
        ("SAMPLE_ESCALATE_DAYS", "4000"),
    ],
)
def test_a_wrong_setting_is_one_sentence(environ: pytest.MonkeyPatch, name: str, value: str) -> None:
    environ.setenv(f"GATEWAY_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    sentence = str(caught.value)
    assert sentence.startswith("The gateway cannot start: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_file_of_settings_is_read_and_the_environment_wins(
    environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.env"
    file.write_text("GATEWAY_COUNCIL_NAME='Fileshire'\nGATEWAY_EXTRACT_DAYS=9\n")
    environ.setenv("GATEWAY_ENV_FILE", str(file))
    settings = load_settings()
    assert ("Testshire", 9) == (settings.council_name, settings.extract_days)


def test_the_command_ends_with_the_sentence(
    environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.delenv("GATEWAY_DATABASE_URL")
    environ.setattr("sys.argv", ["gateway", "agency", "list"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "GATEWAY_DATABASE_URL" in capsys.readouterr().err


def test_every_command_says_what_it_does() -> None:
    """The help is what a stranger reads first."""
    for name, command in cli.gateway.commands.items():
        answer = CliRunner().invoke(cli.gateway, [name, "--help"])
        assert answer.exit_code == 0
        assert command.help


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ({"CLIENT_CERTIFICATES": "tls"}, True),
        ({"CLIENT_CERTIFICATES": "proxy", "TRUSTED_PROXIES": "10.0.0.1,::1"}, True),
        ({"CLIENT_CERTIFICATES": "proxy", "TRUSTED_PROXIES": "gateway.example.org"}, False),
        ({"CLIENT_CERTIFICATES": "tls", "TRUSTED_PROXIES": "10.0.0.1"}, False),
        ({"CLIENT_CERTIFICATES": "tls", "MTLS_URL": "https://gateway.example.org"}, False),
    ],
)
def test_certificates_come_from_one_place_at_an_address_of_their_own(
    environ: pytest.MonkeyPatch, values: dict[str, str], right: bool
) -> None:
    """Natively or through a proxy, never both: a header is a forgery wherever our own handshake decides."""
    for name, value in {"MTLS_URL": "https://gateway.example.org:8444", **values}.items():
        environ.setenv(f"GATEWAY_{name}", value)
    if right:
        assert (
            "https://gateway.example.org",
            "https://gateway.example.org:8444",
        ) == load_settings().base_urls
        return
    with pytest.raises(SettingsError):
        load_settings()


@pytest.mark.parametrize(
    ("colour", "ratio"),
    [
        ("#ffffff", 1.0),
        ("#000000", 21.0),
        ("#777777", 4.48),
        ("#767676", 4.54),
        ("#ff0000", 4.0),
        ("#008000", 5.14),
        ("#0000FF", 8.59),
    ],
)
def test_a_contrast_is_the_one_of_wcag(colour: str, ratio: float) -> None:
    assert ratio == pytest.approx(contrast_with_white(colour), abs=0.01)


def test_a_colour_that_white_can_be_read_on_is_taken(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("GATEWAY_BRAND_COLOUR", "#767676")
    assert "#767676" == load_settings().brand_colour


@pytest.fixture
def provider(environ: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    (tmp_path / "secret").write_text("secret")
    environ.setenv("GATEWAY_OIDC_ISSUER", "https://login.example.org/realms/council")
    environ.setenv("GATEWAY_OIDC_CLIENT_ID", "gateway")
    environ.setenv("GATEWAY_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    return environ


def test_a_provider_is_there_when_its_issuer_is(provider: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = load_settings().provider
    assert named == ProviderSettings(
        issuer="https://login.example.org/realms/council",
        client_id="gateway",
        client_secret_file=tmp_path / "secret",
        algorithms=("PS256", "RS256", "ES256"),
        name="your council account",
    )
    provider.delenv("GATEWAY_OIDC_ISSUER")
    assert load_settings().provider is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", "http://login.example.org"),
        ("OIDC_ISSUER", "https://login.example.org/?tenant=1"),
        ("OIDC_ISSUER", "https://ada@login.example.org"),
        ("OIDC_ISSUER", "login.example.org"),
        ("OIDC_CLIENT_ID", " "),
        ("OIDC_CLIENT_KEY_FILE", "/etc/hostname"),  # beside a secret
        ("OIDC_CLIENT_SECRET_FILE", "/nowhere"),
        ("OIDC_ALGORITHMS", "none"),
        ("OIDC_ALGORITHMS", "RS256,HS256"),
        ("OIDC_ALGORITHMS", ""),
        ("OIDC_ASSERTION_AUDIENCE", "everybody"),
        ("OIDC_NAME", " "),
        ("OIDC_CA_FILE", "/nowhere"),
        ("OIDC_ACR", " "),
    ],
)
def test_a_wrong_setting_of_the_provider_is_one_sentence(
    provider: pytest.MonkeyPatch, name: str, value: str
) -> None:
    provider.setenv(f"GATEWAY_{name}", value)
    with pytest.raises(SettingsError, match=f"GATEWAY_{name}") as caught:
        load_settings()
    assert str(caught.value).startswith("The gateway cannot start: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET_FILE"])
def test_a_provider_needs_to_know_who_we_are(provider: pytest.MonkeyPatch, name: str) -> None:
    provider.delenv(f"GATEWAY_{name}")
    with pytest.raises(SettingsError, match=f"GATEWAY_{name}"):
        load_settings()
