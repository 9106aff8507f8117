"""Thirty-two clients in a process of their own that pull one case without pause, until standard input closes.

Arguments: client id, practitioner id and case reference. Prints ``ready`` once every client had an answer, and a
JSON object of outcomes at the end. Settings come from the environment.
"""

import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import structlog

from agencies.model import AgencyCode, Purpose
from gateway.caller import Caller, PractitionerClaim
from gateway.database import autocommit, open_engine
from gateway.release.model import ReleaseRequest
from gateway.release.service import release
from gateway.settings import load_settings
from gateway.wiring import wire

CLIENTS = 32


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    client_id, practitioner, case_ref = sys.argv[1:]
    settings = load_settings()
    engine = open_engine(settings.database_url, pool_size=CLIENTS)
    wiring = replace(wire(settings), engine=engine, autocommit=autocommit(engine))
    claim = PractitionerClaim(practitioner, verified=True)
    caller = Caller(client_id, AgencyCode("camhs"), frozenset({"extract:read"}), Purpose.P1, claim)
    request = ReleaseRequest(caller, UUID(case_ref))
    stop, first = threading.Event(), threading.Barrier(CLIENTS + 1)

    def pull() -> Counter[str]:
        seen = Counter([type(release(wiring, [request])[0]).__name__])
        first.wait(timeout=60)
        while not stop.is_set():
            seen[type(release(wiring, [request])[0]).__name__] += 1
        return seen

    with ThreadPoolExecutor(CLIENTS) as pool:
        pulling = [pool.submit(pull) for _ in range(CLIENTS)]
        first.wait(timeout=60)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        stop.set()
        total: Counter[str] = Counter()
        for one in pulling:
            total += one.result()
    sys.stdout.write(json.dumps(total) + "\n")


if __name__ == "__main__":
    main()
