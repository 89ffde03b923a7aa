from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from memdeploy.rehearsal.backing import addresses

# /proc/net/route of a host with a default route, a bridge and a route to one host.
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t0100460A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
"""


def test_routes_are_read_without_the_default_route() -> None:
    assert addresses.parse_routes(ROUTES) == [IPv4Network("172.17.0.0/16"), IPv4Network("10.70.0.1/32")]


def test_the_first_space_is_the_usual_one() -> None:
    assert next(iter(addresses.free([]))) == IPv4Network("10.70.0.0/15")


def test_a_space_that_is_used_in_part_is_passed_over() -> None:
    used = [IPv4Network("10.71.4.0/24"), IPv4Network("10.72.0.1/32")]
    assert next(iter(addresses.free(used))) == IPv4Network("10.74.0.0/15")


def test_nothing_is_free_when_all_of_it_is_used() -> None:
    assert list(addresses.free([IPv4Network("10.0.0.0/8")])) == []


@given(st.lists(st.integers(0, 2**24 - 1), max_size=40), st.integers(8, 32))
def test_no_free_space_touches_a_used_one(starts: list[int], prefix: int) -> None:
    used = [IPv4Network((10 * 2**24 + start, prefix), strict=False) for start in starts]
    for space in addresses.free(used):
        assert space.prefixlen == 15
        assert not any(space.overlaps(other) for other in used)


def test_the_engine_picks_addresses_from_the_upper_half_only() -> None:
    assert addresses.dynamic_half(IPv4Network("10.71.3.0/24")) == IPv4Network("10.71.3.128/25")
