"""Where the gateway is and who asks: from the demo's own description, or given one by one."""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract_client.errors import ConfigurationError, NotAvailableError


@dataclass(frozen=True, slots=True)
class Access:
    """Everything a client needs to speak to one gateway.

    Attributes:
        ca_file: None: the authorities of this machine.
        practitioner: id of the person who asks; empty where nobody asks about a case.
    """

    base_url: str
    client_id: str
    key_file: Path
    ca_file: Path | None
    practitioner: str


def read_access(given: Namespace) -> Access:
    """Return the access that the command line describes; a command without ``--practitioner`` needs none.

    Raises: ConfigurationError, naming what is missing.
    """
    if given.config is not None:
        return _from_config(given)
    person = ("practitioner",) if "practitioner" in given else ()
    for name in ("base_url", "client_id", "key_file", *person):
        if getattr(given, name) is None:
            raise ConfigurationError(f"Give --config, or --{name.replace('_', '-')}.")
    practitioner = given.practitioner if person else ""
    return Access(given.base_url, given.client_id, given.key_file, given.ca_file, practitioner)


def read_case_ref(given: Namespace) -> str:
    """Return this agency's reference of the case that the command line names.

    Raises: ConfigurationError; NotAvailableError, the agency has no reference of that case.
    """
    if given.case_ref is not None:
        return str(given.case_ref)
    if given.config is None or given.case is None:
        raise ConfigurationError("Give --case-ref, or --config and --case.")
    document = _read(given.config)
    labels = {case["label"]: case for case in document.get("cases", [])}
    if given.case not in labels:
        raise ConfigurationError(f"There is no case {given.case}; there are: {', '.join(sorted(labels))}.")
    ref = labels[given.case].get("refs", {}).get(given.agency)
    if ref is None:
        raise NotAvailableError(
            f"Not available: {given.agency} has no reference of this case.", code="no-reference"
        )
    return str(ref)


def read_log_key(given: Namespace) -> str:
    """Return the verifier key of the log that the configuration names.

    Raises: ConfigurationError.
    """
    key = find_log_key(given)
    if key is None:
        raise ConfigurationError("Give --log-key, --policy, or a --config that names the log's key.")
    return key


def find_log_key(given: Namespace) -> str | None:
    """Return the verifier key of the log that the configuration names; absent: it names none, or there is none.

    Raises: ConfigurationError.
    """
    log = {} if given.config is None else _read(given.config).get("log", {})
    key = log.get("vkey") if isinstance(log, dict) else None
    return key if isinstance(key, str) else None


def _from_config(given: Namespace) -> Access:
    document = _read(given.config)
    agencies = document.get("agencies", {})
    if given.agency not in agencies:
        raise ConfigurationError(f"Give --agency, one of: {', '.join(sorted(agencies))}.")
    agency = agencies[given.agency]
    folder = given.config.parent
    try:
        return Access(
            base_url=given.base_url or document["base_url"],
            client_id=given.client_id or agency["client_id"],
            key_file=given.key_file or folder / agency["key_file"],
            ca_file=given.ca_file or folder / document["ca_file"],
            practitioner=_practitioner(given, agency),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ConfigurationError(
            f"The file {given.config} does not describe {given.agency} fully."
        ) from error


def _practitioner(given: Namespace, agency: Mapping[str, Any]) -> str:
    if "practitioner" not in given:
        return ""
    return str(given.practitioner or agency["practitioners"][0]["id"])


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The file {path} cannot be read.") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"The file {path} does not describe a gateway.")
    return document
