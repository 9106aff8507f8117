"""``gateway staff``: who may act, and the one-time codes with which they make a passkey."""

import re

import click

from gateway.commands import command_actor, command_wiring
from gateway.staff import service
from gateway.staff.errors import UnknownMemberError
from gateway.staff.model import INVITED, Belonging, Role
from gateway.staff.repository import members
from gateway.wiring import Wiring

TEAM = r"[a-z][a-z0-9-]{1,39}"
USERNAME = r"[a-z][a-z0-9.-]{1,63}"


@click.group(name="staff")
def staff() -> None:
    """Members of staff, and how they sign in."""


@staff.command(name="invite")
@click.argument("username")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="A role; repeatable. Roles that are not named here are taken away.",
)
@click.option("--team", help="With which team they work, for example north.")
@click.option(
    "--break-glass",
    is_flag=True,
    help="A sealed account: it signs in with a passkey even where a provider is set, and every use is an alarm.",
)
def invite(username: str, roles: tuple[str, ...], team: str | None, *, break_glass: bool) -> None:
    """Let USERNAME act with these roles, end their sessions, and print a one-time code to sign in with first."""
    if not re.fullmatch(USERNAME, username):
        raise click.ClickException(
            "A username begins with a small letter; then small letters, digits, . and -"
        )
    if Role.DESK_USER in roles:
        raise click.ClickException("Somebody of an agency is invited by: gateway agency invite.")
    if team is not None and not re.fullmatch(TEAM, team):
        raise click.ClickException("A team begins with a small letter; then small letters, digits and -")
    with command_wiring() as wiring:
        code = service.invite(
            wiring,
            username=username,
            roles=[Role(role) for role in roles],
            invited_by=command_actor(),
            belonging=Belonging(team=team),
            break_glass=break_glass,
        )
        click.echo(told(wiring, code))


def told(wiring: Wiring, code: str) -> str:
    """What whoever invites tells the one who is invited."""
    address = f"{wiring.settings.public_url}/console/invitation"
    return f"Open {address} within {INVITED.days} days and enter this code, which works once:\n{code}"


@staff.command(name="list")
def list_members() -> None:
    """Print everybody there ever was: username; active, sealed or left; and roles, separated by tabs."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for member, acts in members(connection):
            state = "left" if not acts else "sealed" if member.break_glass else "active"
            click.echo(f"{member.username}\t{state}\t{', '.join(sorted(member.roles))}")


@staff.command(name="disable")
@click.argument("username")
def disable(username: str) -> None:
    """Let USERNAME act no more, and end their sessions at once."""
    with command_wiring() as wiring:
        try:
            service.disable(wiring, username=username)
        except UnknownMemberError as error:
            raise click.ClickException("There is no such member of staff, or they left already.") from error
    click.echo("Disabled.")


@staff.command(name="sessions")
@click.argument("username")
@click.option("--end", "ends", is_flag=True, help="End them all; USERNAME may sign in again.")
def sessions(username: str, *, ends: bool) -> None:
    """Print where USERNAME is signed in: since when, when it was last used, and by which method, separated by tabs."""
    with command_wiring() as wiring:
        try:
            found = service.sessions_of(wiring, username)
            if ends:
                service.end_sessions(wiring, username)
        except UnknownMemberError as error:
            raise click.ClickException("There is no such member of staff, or they left already.") from error
    for each in found:
        click.echo(f"{each.began_at.isoformat()}\t{each.seen_at.isoformat()}\t{each.method.value}")
    if ends:
        click.echo("Ended." if found else "There was none.")
