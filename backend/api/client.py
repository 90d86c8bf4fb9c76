"""Who asks: the address of a client, seen through the proxies that the operator named.

`X-Forwarded-For` is a list that anyone may begin and each proxy adds to on the right, so it is read from
the right, and only for as long as those who wrote are trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

LOCAL = "local"  # a peer without an address, on a Unix socket
HOPS_MAX = 16
IPV6_PREFIX = 64  # what one subscriber gets; it may change the rest at will

Address = IPv4Address | IPv6Address


class Proxies:
    """The networks of trusted proxies; raises ValueError for one that is not written as such."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(text, strict=False) for text in networks]

    def seen_through(self, scope: Scope) -> Scope:
        """Return the connection's scope with the client, and the scheme, that a trusted proxy tells."""
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None:
            return scope
        secure = scope["scheme"] in ("https", "wss")
        if self._trusts(peer):
            headers = Headers(scope=scope)
            peer = self._origin(peer, headers.getlist("x-forwarded-for"))
            # The last word is the nearest proxy's.
            words = ",".join(headers.getlist("x-forwarded-proto")).split(",")
            secure = secure or words[-1].strip().lower() in ("https", "wss")
        scheme = {"http": "https", "ws": "wss"}.get(scope["scheme"], scope["scheme"])
        return {
            **scope,
            "client": (_bucket(peer), 0),
            "scheme": scheme if secure else scope["scheme"],
        }

    def _origin(self, peer: Address, lists: list[str]) -> Address:
        """Return the first address from the right that is no proxy; a word that is none ends the walk."""
        for word in reversed(",".join(lists).split(",")[-HOPS_MAX:]):
            if not self._trusts(peer):
                break
            said = _address(_without_port(word.strip()))
            if said is None:
                break
            peer = said
        return peer

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def client_of(connection: HTTPConnection) -> str:
    """Return who asks, as buckets and queues count: an IPv4 address, or an IPv6 network of 64 bits."""
    return connection.client.host if connection.client is not None else LOCAL


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(word: str) -> str:
    if word.startswith("["):
        return word[1:].partition("]")[0]
    return word.partition(":")[0] if word.count(":") == 1 else word


def _bucket(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, IPV6_PREFIX), strict=False))
