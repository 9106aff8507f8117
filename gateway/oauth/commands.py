"""``gateway keys``: the gateway's signing keys, its certificate authority, and certificates that must end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import click

from certs.certificate import days_left
from certs.envelope import FileKek
from certs.errors import CertsError
from certs.revocation import Reason
from gateway.commands import command_actor, command_wiring
from gateway.database import open_engine
from gateway.disclosure_log.service import act
from gateway.keyring import Keyring, rewrap
from gateway.oauth import certificates, service
from gateway.oauth.errors import OAuthError
from gateway.oauth.key_set import read_key_set
from gateway.oauth.keys import key_states
from gateway.oauth.model import ClientId

MAX_REQUEST_BYTES: Final = 16 * 1024


@click.group()
def keys() -> None:
    """Signing keys, the certificate authority and certificates."""


@keys.command(name="list")
def list_keys() -> None:
    """Print every signing key: state, since when, and kid, separated by tabs."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for key in key_states(connection):
            click.echo(f"{key.state}\t{key.changed_at:%Y-%m-%dT%H:%M:%SZ}\t{key.kid}")


@keys.command(name="rotate")
@click.option(
    "--stolen", is_flag=True, help="The key in use is in wrong hands: end every token it signed, now."
)
def rotate(*, stolen: bool) -> None:
    """Sign tokens with the next key from now on; tokens of the old one stay good until they expire."""
    with command_wiring() as wiring, _plain_faults():
        kid = service.rotate_signing_key(wiring, now=datetime.now(UTC), actor=command_actor(), stolen=stolen)
    click.echo(f"Tokens are signed with {kid} from now on.")


@keys.command(name="authority")
@click.option("--name", default="Early Help Gateway client CA", show_default=True, help="Its common name.")
def authority(name: str) -> None:
    """Print the certificate of the authority for clients; make the authority if there is none."""
    with command_wiring() as wiring, wiring.engine.begin() as connection, _plain_faults():
        found = certificates.ensure_authority(connection, wiring.keyring, name=name, now=datetime.now(UTC))
    click.echo(found, nl=False)


@keys.command(name="revocation-list")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def revocation_list(file: Path) -> None:
    """Write the authority's next revocation list to FILE, good for 7 days; servers read it without restart."""
    with command_wiring() as wiring, _plain_faults():
        certificates.publish_list(wiring, now=datetime.now(UTC), file=file)
    click.echo(f"Written to {file}.")


@keys.command(name="certificates")
def list_certificates() -> None:
    """Print every client certificate: state, agency, client, days left and thumbprint, separated by tabs."""
    now = datetime.now(UTC)
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for one in certificates.recorded(connection):
            left = days_left(one.not_after, now=now)
            click.echo(f"{one.state}\t{one.agency}\t{one.client_id}\t{left}\t{one.thumbprint}")


@keys.command(name="revoke-certificate")
@click.argument("thumbprint")
@click.option(
    "--reason",
    type=click.Choice([one.value for one in Reason]),
    default=Reason.UNSPECIFIED.value,
    show_default=True,
)
def revoke_certificate(thumbprint: str, reason: str) -> None:
    """Refuse the certificate with this THUMBPRINT (x5t#S256) from the next request on."""
    now = datetime.now(UTC)
    with command_wiring() as wiring, _plain_faults():
        changed = service.revoke_certificate(
            wiring, thumbprint=thumbprint, reason=Reason(reason), now=now, actor=command_actor()
        )
        published = certificates.publish_list(wiring, now=now)
    click.echo("Revoked." if changed else "It was revoked before.")
    click.echo("The revocation list is written." if published else "GATEWAY_CLIENT_CRL_FILE names no list.")


@keys.command(name="rewrap")
@click.option(
    "--old",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the key-encryption key of the epoch before.",
)
@click.option(
    "--owner-url",
    envvar="GATEWAY_ADMIN_DATABASE_URL",
    required=True,
    help="PostgreSQL URL of the owner role; or GATEWAY_ADMIN_DATABASE_URL.",
)
def rewrap_keys(old: Path, owner_url: str) -> None:
    """Wrap every family's keys under GATEWAY_KEK_FILE instead of the old one, which can be destroyed then.

    With the old key goes what backups hold of families that were erased. Stopped anywhere, run it again.
    """
    owner = open_engine(owner_url)
    with command_wiring() as wiring:
        try:
            keyring = Keyring(FileKek.load(wiring.settings.kek_file), others=[FileKek.load(old)])
            count = rewrap(owner, keyring=keyring)
        except (CertsError, ValueError) as error:
            raise click.ClickException(f"Not every key could be wrapped: {error}.") from error
        finally:
            owner.dispose()
        with act(wiring) as change:
            rewrapped = {"kek_epoch": keyring.epoch, "families": count}
            change.record(kind="key.rotate", actor=command_actor(), internal=rewrapped)
    click.echo(f"{count} families' keys were wrapped in epoch {keyring.epoch}.")


@click.group(name="client")
def client() -> None:
    """The systems of an agency, their keys and certificates."""


@client.command(name="add-keys")
@click.argument("client_id")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add_keys(client_id: str, file: Path) -> None:
    """Add the public keys in FILE (JWKS) to CLIENT_ID as proposed: they give nothing until they are approved."""
    with command_wiring() as wiring, _plain_faults():
        added = service.add_keys(
            wiring, client_id=ClientId(client_id), keys=read_key_set(file), actor=command_actor()
        )
    for thumbprint in added:
        click.echo(f"Proposed: {thumbprint}")


@client.command(name="remove-key")
@click.argument("client_id")
@click.argument("thumbprint")
def remove_key(client_id: str, thumbprint: str) -> None:
    """Take the key with this THUMBPRINT (RFC 7638) away from CLIENT_ID, now, and end its tokens."""
    with command_wiring() as wiring, _plain_faults():
        changed = service.remove_key(
            wiring, client_id=ClientId(client_id), thumbprint=thumbprint, actor=command_actor()
        )
    click.echo("Removed." if changed else "It was removed before, or was never there.")


@client.command(name="suspend")
@click.argument("client_id")
def suspend(client_id: str) -> None:
    """Stop CLIENT_ID, now, until two people let it in again, and end its tokens."""
    with command_wiring() as wiring, _plain_faults():
        changed = service.suspend_client(wiring, client_id=ClientId(client_id), actor=command_actor())
    click.echo("Suspended." if changed else "It was suspended or revoked before.")


@client.command(name="revoke")
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """End CLIENT_ID, now and for good."""
    with command_wiring() as wiring, _plain_faults():
        changed = service.revoke_client(wiring, client_id=ClientId(client_id), actor=command_actor())
    click.echo("Revoked." if changed else "It was revoked before.")


@client.command(name="certificate")
@click.argument("client_id")
@click.argument("request", type=click.File("rb"))
def certificate(client_id: str, request: BinaryIO) -> None:
    """Print a certificate for the signing REQUEST (PKCS #10) of CLIENT_ID: its first one, or a renewal."""
    with command_wiring() as wiring, _plain_faults():
        issued = service.issue_certificate(
            wiring,
            client_id=ClientId(client_id),
            request=request.read(MAX_REQUEST_BYTES + 1),
            now=datetime.now(UTC),
            actor=command_actor(),
        )
    click.echo(issued.pem, nl=False)


@contextmanager
def _plain_faults() -> Iterator[None]:
    """Turn what this room refuses into one sentence for the operator."""
    try:
        yield
    except OAuthError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException("The file cannot be written.") from error
