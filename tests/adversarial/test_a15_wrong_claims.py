"""A-15: rightly signed, and wrong: whose it is, how long it is good, what it grants.

Expected: 400 ``invalid_client`` for an assertion. A token is signed by us, so its claims are as we wrote them, unless
the signing key was stolen or another part of us signs with it: 401 ``invalid_token`` all the same.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import ASSERTIONS, PASSED, TOKENS, Attack, assert_refused, outcome
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import CASE_ACTION, CASE_EXTRACT, sign


def _claims(**changes: Any) -> Attack:
    return lambda honest: honest.changed(**changes)


def _times(**offsets: float) -> Attack:
    return lambda honest: honest.changed(**{name: int(time.time() + by) for name, by in offsets.items()})


def _exp_written(text: str) -> Attack:
    """A number as no library writes it."""

    def attack(honest: Any) -> str:
        claims = json.dumps({**honest.claims, "exp": 0}).replace('"exp": 0', f'"exp": {text}')
        return sign(honest.header, claims.encode(), honest.key)

    return attack


BOTH: Mapping[str, Attack] = {
    "no exp": _claims(exp=...),
    "exp in the past": _times(exp=-1),
    "exp as text": _claims(exp="4102444800"),
    "exp is true": _claims(exp=True),
    "exp is null": _claims(exp=None),
    "exp is a list": _claims(exp=[4102444800]),
    "exp beyond all numbers, below": _exp_written("-1e999"),
    "no iat": _claims(iat=...),
    "iat as text": _claims(iat="0"),
    "iat is false": _claims(iat=False),
    "iat a minute ahead": _times(iat=61),
    "no jti": _claims(jti=...),
    "empty jti": _claims(jti=""),
    "jti is a number": _claims(jti=7),
    "jti of 129 characters": _claims(jti="x" * 129),
    "no subject": _claims(sub=...),
    "subject is a list": _claims(sub=["a"]),
    "subject is an object": _claims(sub={"a": 1}),
    "subject is unknown": _claims(sub="ag_nobody-nobody-nobody"),
    "subject is empty": _claims(sub=""),
    "no issuer": _claims(iss=...),
    "issuer is another": _claims(iss="ag_someone-else-000000"),
    "issuer is a list": _claims(iss=["a"]),
}
OF_ASSERTIONS: Mapping[str, Attack] = {
    **BOTH,
    "exp more than five minutes ahead": _times(exp=305),
    "exp in ten years": _times(exp=10 * 365 * 86400),
    "exp beyond all numbers": _exp_written("1e999"),
    "exp of a thousand digits": _exp_written("9" * 1000),
    "exp five minutes past": _times(iat=-360, exp=-300),
    "nbf a minute ahead": _times(nbf=61),
    "nbf as text": _claims(nbf="0"),
    "nbf is null": _claims(nbf=None),
    "subject and issuer of another": _claims(sub="ag_someone-else-000000", iss="ag_someone-else-000000"),
    "subject in other capitals": lambda honest: honest.changed(sub=honest.claims["sub"].upper()),
    "subject with a blank": lambda honest: honest.changed(sub=honest.claims["sub"] + " "),
}


@pytest.mark.parametrize("target", ASSERTIONS)
def test_an_assertion_with_a_wrong_claim_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(ASSERTIONS[target](door), OF_ASSERTIONS)


def _entry(**changes: Any) -> Attack:
    return _claims(authorization_details=[{**CASE_EXTRACT[0], **changes}])


def _confirmed(**members: Any) -> Attack:
    return _claims(cnf=members)


OF_TOKENS: Mapping[str, Attack] = {
    **BOTH,
    "subject and client differ": _claims(sub="ag_someone-else-0000000"),
    "unknown client": _claims(sub="ag_nobody-nobody-000000", client_id="ag_nobody-nobody-000000"),
    "no client": _claims(client_id=...),
    "client is a list": _claims(client_id=["a"], sub=["a"]),
    "client key is a list": _claims(client_key=["x"]),
    "another client key": _claims(client_key="x" * 43),
    "not bound at all": _claims(cnf=...),
    "bound to nothing": _claims(cnf={}),
    "bound to null": _claims(cnf=None),
    "bound to text": _claims(cnf="jkt"),
    "bound to a list": _claims(cnf=["jkt"]),
    "bound in another way": _confirmed(kid="x"),
    "bound to another key": _confirmed(jkt="x" * 43),
    "bound to another certificate": _confirmed(**{"x5t#S256": "x" * 43}),
    "bound to an empty key": _confirmed(jkt=""),
    "bound to the null key": _confirmed(jkt=None),
    "bound to an empty certificate": _confirmed(**{"x5t#S256": ""}),
    "no scope": _claims(scope=...),
    "scope is a list": _claims(scope=["extract:read"]),
    "empty scope": _claims(scope=""),
    "unknown scope": _claims(scope="everything"),
    "mixed scopes": _claims(scope="extract:read panel:read"),
    "no entry": _claims(authorization_details=...),
    "no list of entries": _claims(authorization_details=CASE_EXTRACT[0]),
    "empty list of entries": _claims(authorization_details=[]),
    "two entries": _claims(authorization_details=CASE_EXTRACT * 2),
    "entry of another type": _claims(authorization_details=CASE_ACTION),
    "entry for nothing": _claims(scope="log:read"),
    "entry with more": _entry(case_ref="x"),
    "practitioner not on the list": _entry(practitioner={"id": "nobody"}),
    "purpose that no stage serves": _entry(purpose="P4"),
}


@pytest.mark.parametrize("target", TOKENS)
def test_a_token_with_a_wrong_claim_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(TOKENS[target](door), OF_TOKENS)


@pytest.mark.parametrize("target", TOKENS)
def test_a_token_names_the_key_it_was_issued_to_or_none(door: DoorPlace, target: str) -> None:
    """Or a token whose key is removed could be passed off as one that came by certificate, and live on."""
    honest = TOKENS[target](door)
    changed = {"none": ...} if "client_key" in honest.claims else {"one": honest.key.thumbprint()}
    assert_refused(honest, {name: _claims(client_key=value) for name, value in changed.items()})


@pytest.mark.parametrize("target", TOKENS)
def test_claims_that_are_not_known_change_nothing(door: DoorPlace, target: str) -> None:
    """The control of the forger: signed by us, with more in it than we write, a token is served."""
    honest = TOKENS[target](door)
    assert PASSED == outcome(honest.send(honest.changed({"extra": 1}, extra=2)))
