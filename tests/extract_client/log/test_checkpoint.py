"""Two texts for one tree head would be two heads to whoever compares texts."""

import hashlib

import pytest

from extract_client.errors import NoteError
from extract_client.log.checkpoint import Checkpoint

ROOT = hashlib.sha256(b"root").digest()
TEXT = Checkpoint("log.example", 7, ROOT).text
ROOT_LINE = TEXT.split("\n")[2]


@pytest.mark.parametrize("size", [0, 1, 70123, 2**63 - 1])
def test_a_checkpoint_is_read_back(size: int) -> None:
    checkpoint = Checkpoint("log.example", size, ROOT)
    assert checkpoint == Checkpoint.parse(checkpoint.text)


def test_the_example_of_the_specification() -> None:
    """c2sp.org/tlog-checkpoint."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint.parse(text)
    assert ("example.com/behind-the-sofa", 20852163) == (checkpoint.origin, checkpoint.size)
    assert text == checkpoint.text


REFUSED = {
    "empty": "",
    "no origin": TEXT.removeprefix("log.example"),
    "two lines": "log.example\n7\n",
    "no final newline": TEXT[:-1],
    "extension line": TEXT + "more\n",
    "blank line at the end": TEXT + "\n",
    "blank line in front": "\n" + TEXT,
    "leading zero": TEXT.replace("\n7\n", "\n07\n"),
    "negative": TEXT.replace("\n7\n", "\n-7\n"),
    "plus sign": TEXT.replace("\n7\n", "\n+7\n"),
    "underscore": TEXT.replace("\n7\n", "\n7_0\n"),
    "space": TEXT.replace("\n7\n", "\n 7\n"),
    "digit of another script": TEXT.replace("\n7\n", "\n\u0667\n"),
    "no size": TEXT.replace("\n7\n", "\n\n"),
    "too large for a signed 64-bit integer": TEXT.replace("\n7\n", f"\n{2**63}\n"),
    "a size of five thousand digits": TEXT.replace("\n7\n", f"\n{'7' * 5000}\n"),
    "hexadecimal root": TEXT.replace(ROOT_LINE, ROOT.hex()),
    "unpadded root": TEXT.replace("=", ""),
    "root with unused bits": TEXT.replace(ROOT_LINE, ROOT_LINE[:-2] + chr(ord(ROOT_LINE[-2]) + 1) + "="),
    "root with a space": TEXT.replace(ROOT_LINE, ROOT_LINE + " "),
    "short root": TEXT.replace(ROOT_LINE, "AAAA"),
    "no root": TEXT.replace(ROOT_LINE, ""),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)
