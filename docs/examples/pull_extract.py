# /// script
# requires-python = ">=3.11"
# dependencies = ["requests_oauth2client==1.8.0"]
# ///
"""Pull one case extract from an Early Help Gateway and print it."""

import json
import os
import sys
from pathlib import Path

import requests
from requests_oauth2client import EndpointError, OAuth2Client, PrivateKeyJwt

NOT_FOUND = 404


def main() -> str | None:
    """Print the extract; return what to tell the person who asked if there is none."""
    gateway = os.environ["GATEWAY_URL"]
    if "CA_FILE" in os.environ:  # requests would prefer the machine's own bundle to a session's setting
        os.environ["REQUESTS_CA_BUNDLE"] = os.environ["CA_FILE"]
    key = json.loads(Path(os.environ["KEY_FILE"]).read_text())
    client = OAuth2Client.from_discovery_endpoint(
        f"{gateway}/.well-known/oauth-authorization-server",
        issuer=gateway,
        auth=PrivateKeyJwt(os.environ["CLIENT_ID"], key, alg="ES256", aud=gateway),  # not the token endpoint
        dpop_bound_access_tokens=True,
    )
    entry = {"type": "case_extract", "purpose": "P1", "practitioner": {"id": os.environ["PRACTITIONER"]}}
    try:
        token = client.client_credentials(
            "extract:read", resource=f"{gateway}/v1", authorization_details=json.dumps([entry])
        )
    except EndpointError as refused:
        return f"No token: {refused.error}: {refused.description}"
    url = f"{gateway}/v1/cases/{os.environ['CASE_REF']}/extract"
    answer = requests.get(url, auth=token, timeout=30)
    if answer.status_code == NOT_FOUND:
        return "Not available."
    if not answer.ok:
        return f"Refused: {answer.json()['title']}"
    json.dump(answer.json(), sys.stdout, indent=2, ensure_ascii=False)
    return None


if __name__ == "__main__":
    sys.exit(main())
