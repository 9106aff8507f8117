"""Paths and bundles are what other people's programs fetch: byte for byte the layout of c2sp.org/tlog-tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract_client.errors import ProofError
from extract_client.log.tiles import (
    Bundle,
    Tile,
    bundles_of,
    decode_bundle,
    encode_bundle,
    parse_bundle_path,
    parse_tile_path,
    tiles_of,
)
from tests.extract_client.log.reference import bodies

PATHS = {
    0: "000",
    5: "005",
    255: "255",
    256: "256",
    999: "999",
    1000: "x001/000",
    1234: "x001/234",
    999_999: "x999/999",
    1_000_000: "x001/x000/000",
    1_234_067: "x001/x234/067",
    2**55 - 1: "x036/x028/x797/x018/x963/967",
}


@pytest.mark.parametrize(("index", "rest"), PATHS.items())
def test_a_tile_has_the_path_of_the_specification(index: int, rest: str) -> None:
    for width, suffix in ((256, ""), (1, ".p/1"), (255, ".p/255")):
        assert f"tile/0/{rest}{suffix}" == Tile(0, index, width).path
        assert f"tile/63/{rest}{suffix}" == Tile(63, index, width).path
        assert f"tile/entries/{rest}{suffix}" == Bundle(index, width).path
        assert Tile(7, index, width) == parse_tile_path("7", rest + suffix)
        assert Bundle(index, width) == parse_bundle_path(rest + suffix)


@given(st.integers(0, 63), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_every_path_is_read_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    _, number, rest = tile.path.split("/", maxsplit=2)
    assert tile == parse_tile_path(number, rest)


REFUSED = (
    "",
    "0",
    "00",
    "0000",
    "1000",
    "x000/001",
    "x000/x001/000",
    "001/000",
    "x001",
    "x001/",
    "x001/x000",
    "/000",
    "000/",
    "X001/000",
    "x1/000",
    "x001//000",
    "-01",
    " 00",
    "000 ",
    "000\n",
    "00\u0661",
    "000.p",
    "000.p/",
    "000.p/0",
    "000.p/01",
    "000.p/256",
    "000.p/999",
    "000.p/1000",
    "000.p/-1",
    "000.p/1/",
    "000.p/1.p/1",
    "000/.p/1",
    "x001.p/1/000",
    "../000",
    "x036/x028/x797/x018/x963/968",
    "x001/x000/x000/x000/x000/x000/x000/000",
)


@pytest.mark.parametrize("rest", REFUSED, ids=ascii)
def test_another_spelling_of_a_path_is_refused(rest: str) -> None:
    """Two addresses of one tile would be cached, rate-limited and compared as two."""
    with pytest.raises(ValueError, match=r"tile|number"):
        parse_tile_path("0", rest)
    with pytest.raises(ValueError, match=r"tile|number"):
        parse_bundle_path(rest)


@pytest.mark.parametrize("level", ["", "00", "01", "64", "-1", "+1", " 1", "1 ", "entries", "9" * 5000])
def test_a_level_that_is_none_is_refused(level: str) -> None:
    with pytest.raises(ValueError, match=r"level|number"):
        parse_tile_path(level, "000")


SIZES: dict[int, tuple[list[Tile], list[Bundle]]] = {
    0: ([], []),
    1: ([Tile(0, 0, 1)], [Bundle(0, 1)]),
    255: ([Tile(0, 0, 255)], [Bundle(0, 255)]),
    256: ([Tile(0, 0), Tile(1, 0, 1)], [Bundle(0)]),
    257: ([Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)], [Bundle(0), Bundle(1, 1)]),
}


@pytest.mark.parametrize("size", SIZES)
def test_a_small_tree_has_these_tiles(size: int) -> None:
    assert SIZES[size] == (list(tiles_of(size)), list(bundles_of(size)))


def test_the_specification_s_tree_of_seventy_thousand() -> None:
    tiles = list(tiles_of(70_000))
    assert 273 == sum(tile.level == 0 and tile.width == 256 for tile in tiles)
    others = [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert others == [tile for tile in tiles if tile.level or tile.width < 256]
    assert 274 == len(list(bundles_of(70_000)))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_is_read_back(entries: list[bytes]) -> None:
    assert entries == decode_bundle(encode_bundle(entries), width=len(entries))


def test_a_bundle_has_the_layout_of_the_specification() -> None:
    assert b"\x00\x02ab\x00\x00\x01\x00" + bytes(256) == encode_bundle([b"ab", b"", bytes(256)])
    assert 2 + 65_535 == len(encode_bundle([bytes(65_535)]))
    with pytest.raises(ValueError, match="65,535"):
        encode_bundle([bytes(65_536)])


def test_a_bundle_that_breaks_off_or_goes_on_is_refused() -> None:
    """A left-out entry must never look like one that was not there."""
    data = encode_bundle(bodies(20))
    broken = [data[:kept] for kept in range(len(data))]
    for changed in (*broken, data + b"\x00", data + b"\x00\x00", data + b"\x00\x01a", data + b"\x00\x02a"):
        with pytest.raises(ProofError):
            decode_bundle(changed, width=20)


@pytest.mark.parametrize("width", [0, 19, 21, 256])
def test_a_bundle_of_another_width_is_refused(width: int) -> None:
    with pytest.raises(ProofError):
        decode_bundle(encode_bundle(bodies(20)), width=width)
