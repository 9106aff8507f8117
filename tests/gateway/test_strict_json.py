"""JSON from strangers: a value or one kind of error, in bounded time, whatever the bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.strict_json import StrictJsonError, TooLargeError, parse_json

LIMIT = 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"{",
        b"nul",
        b"[1,]",
        b"\xff\xfe",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":2}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"a\\u0000b"',
        b"[" * 33 + b"]" * 33,
        b"[" * 3_000 + b"]" * 3_000,
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b"[" * 50_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_has_no_one_meaning_is_refused(data: bytes) -> None:
    with pytest.raises(StrictJsonError):
        parse_json(data, max_bytes=LIMIT)


def test_depth_is_counted_exactly() -> None:
    assert parse_json(b"[" * 32 + b"]" * 32, max_bytes=LIMIT) is not None


def test_a_document_one_byte_too_long_is_too_large() -> None:
    assert parse_json(b'"aa"', max_bytes=4) == "aa"
    with pytest.raises(TooLargeError):
        parse_json(b'"aaa"', max_bytes=4)


def test_an_error_never_quotes_the_document() -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse_json(b'{"CANARY": CANARY}', max_bytes=LIMIT)
    assert "CANARY" not in str(caught.value)


@given(st.binary(max_size=300))
def test_random_bytes_give_a_value_or_the_one_error(data: bytes) -> None:
    try:
        value = parse_json(data, max_bytes=LIMIT)
    except StrictJsonError:
        return
    json.dumps(value, allow_nan=False).encode()
