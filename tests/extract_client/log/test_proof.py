"""A proof is kept for years and read by other programs: one proof, one text."""

import base64

import pytest

from extract_client.errors import ProofError
from extract_client.log.proof import HEADER, LogProof
from tests.extract_client.log.reference import leaves

HASHES = tuple(leaves(3))
LINES = [base64.b64encode(node).decode() for node in HASHES]
CHECKPOINT = "log.example\n8\nroot\n\n\u2014 log.example signature\n"
TEXT = "\n".join([HEADER, "extra AAEC", "index 5", *LINES]) + "\n\n" + CHECKPOINT


def test_a_proof_is_written_line_by_line() -> None:
    """The layout of c2sp.org/tlog-proof."""
    proof = LogProof(5, HASHES, CHECKPOINT, b"\x00\x01\x02")
    assert TEXT == str(proof)
    assert proof == LogProof.parse(TEXT)


@pytest.mark.parametrize(
    "proof",
    [
        LogProof(0, (), CHECKPOINT),
        LogProof(2**63 - 1, HASHES, CHECKPOINT),
        LogProof(1, (), CHECKPOINT, b"x" * 9000),
    ],
    ids=["least", "greatest index", "much extra"],
)
def test_a_proof_is_read_back(proof: LogProof) -> None:
    assert proof == LogProof.parse(str(proof))


REFUSED = {
    "empty": "",
    "another version": TEXT.replace("@v1", "@v2"),
    "byte order mark": "\ufeff" + TEXT,
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "header alone": HEADER,
    "header and checkpoint": f"{HEADER}\n\n{CHECKPOINT}",
    "no index": TEXT.replace("index 5\n", ""),
    "index before extra": "\n".join([HEADER, "index 5", "extra AAEC", *LINES]) + "\n\n" + CHECKPOINT,
    "two indexes": TEXT.replace("index 5\n", "index 5\nindex 5\n"),
    "leading zero": TEXT.replace("index 5", "index 05"),
    "negative index": TEXT.replace("index 5", "index -5"),
    "two spaces": TEXT.replace("index 5", "index  5"),
    "empty extra": TEXT.replace("AAEC", ""),
    "extra twice": TEXT.replace("extra AAEC\n", "extra AAEC\nextra AAEC\n"),
    "unpadded extra": TEXT.replace("AAEC", "AAE"),
    "extra with unused bits": TEXT.replace("AAEC", "AAF="),
    "another line": TEXT.replace("index 5", "more AAEC\nindex 5"),
    "unpadded hash": TEXT.replace("=\n", "\n", 1),
    "short hash": TEXT.replace(LINES[0], "AAAA"),
    "no checkpoint": TEXT.split("\n\n", maxsplit=1)[0] + "\n\n",
    "no blank line": TEXT.replace("\n\n", "\n"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ProofError):
        LogProof.parse(text)
