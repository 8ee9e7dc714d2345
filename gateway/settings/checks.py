"""What settings may hold: numbers, addresses, origins, a path prefix, files.

Each check takes a value, gives the one to keep, and raises `ValueError` with what is wrong and what
to write instead.
"""

from __future__ import annotations

import base64
import math
import re
import ssl
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "at_least",
    "ca_file",
    "client_cert",
    "instance_url",
    "is_loopback",
    "listening_host",
    "network",
    "origin",
    "page_size",
    "path_prefix",
    "port",
    "positive",
    "proxy",
    "store_key",
    "store_url",
    "web_address",
    "webhook_secret",
    "without_secrets",
]

# Whose pages browsers, and shells made of them, name an origin for (Fetch standard, 3.2).
PAGE_SCHEMES: Final = re.compile(r"https?|[a-z]+(-[a-z]+)*-extension|app|capacitor|ionic|tauri")
# A webhook's signing token begins so (standardwebhooks.com).
SIGNING: Final = "whsec_"
LEAST_STORE_KEY: Final = 32
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_is_host = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?").fullmatch
_is_database = re.compile(r"(/\d*)?").fullmatch
_ENCODE: Final = "; write / ? # @ : in a user or password as %2F %3F %23 %40 %3A"
_is_segment = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@-]+").fullmatch


def port(value: int) -> int:
    if not 0 <= value <= 65_535:
        raise ValueError("is no port (0 to 65535)")
    return value


def page_size(value: int) -> int:
    if not 1 <= value <= 100:
        raise ValueError("is no size of a page (1 to 100)")
    return value


def at_least(least: float) -> Callable[[Any], Any]:
    def check(value: float) -> float:
        if not math.isfinite(value) or value < least:
            raise ValueError(f"must be at least {least}")
        return value

    return check


def positive(value: float) -> float:
    if not math.isfinite(value) or value <= 0:
        raise ValueError("must be more than 0")
    return value


def web_address(value: str) -> str:
    """An absolute HTTP address without its closing slash."""
    parts = _address(value)
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a credential; credentials come from callers only")
    return value.rstrip("/")


def _address(value: str) -> SplitResult:
    """An absolute HTTP address; the errors repeat no part of it, which may be a password."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no absolute http or https address")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise ValueError("has a host name that cannot be one") from None
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has a port that is none (0 to 65535)") from None
    if parts.query or parts.fragment:
        raise ValueError("has a query or a fragment")
    return parts


def proxy(value: str) -> str:
    """A proxy's address; it may hold a user and a password."""
    try:
        parts = _address(value)
    except ValueError as error:
        raise ValueError(f"{error}{_ENCODE if '@' in value else ''}") from None
    if parts.path not in {"", "/"}:
        raise ValueError("is no proxy (scheme, user, password, host and port only)")
    return value.rstrip("/")


def store_url(value: str) -> str:
    """The address of a Redis or Valkey; the errors repeat no part of it, which may be a password.
    What stands behind its `?` is looked at by who connects.
    """
    if (lack := _lack_of_store_url(urlsplit(value))) is not None:
        raise ValueError(f"{lack}{_ENCODE if '@' in value else ''}")
    return value


def without_secrets(url: str) -> str:
    """A store's URL without what may be secret: user, password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _lack_of_store_url(parts: SplitResult) -> str | None:
    if parts.scheme not in {"redis", "rediss", "unix"}:
        return "is no address of a store (redis://, rediss:// or unix://)"
    try:
        place = parts.path if parts.scheme == "unix" else parts.hostname
        _ = parts.port
    except ValueError:
        return "has a port that is none (0 to 65535)"
    if not place:
        return "names no host, or no socket"
    # A password that is not encoded ends up here: nothing of it may be taken for a host's name.
    if parts.fragment or (parts.scheme != "unix" and not _is_database(parts.path)):
        return "has more behind its host than the number of a database and options"
    return None


def store_key(value: str) -> str:
    if len(value) < LEAST_STORE_KEY:
        raise ValueError(f"is shorter than {LEAST_STORE_KEY} characters")
    return value


def webhook_secret(value: str) -> str:
    """What a webhook presents, or the key it signs with: `whsec_` and base64."""
    if not value:
        raise ValueError("is empty, which everybody could present")
    if value.startswith(SIGNING):
        try:
            key = base64.b64decode(value.removeprefix(SIGNING), validate=True)
        except ValueError:
            key = b""
        if not key:
            raise ValueError(f"is no signing token: after {SIGNING} stands a key in base64")
    return value


def ca_file(value: str) -> str:
    """A file of certificates that can be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(value)
    except ssl.SSLError:
        raise ValueError("holds no certificates, or broken ones; PEM is expected") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if not context.cert_store_stats()["x509"]:
        raise ValueError("holds no certificates; PEM is expected")
    return value


def client_cert(value: str) -> str:
    """A file of a certificate and its key, which is not encrypted."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(value, password=_no_password)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cannot be read as a certificate and its key in one PEM file: {error}"
        ) from None
    return value


def _no_password() -> str:
    raise ValueError("its key is encrypted; nobody is there to be asked for the password")


def network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError(f"is no address or network ({value})") from None


def instance_url(value: str) -> str:
    """The address of a GitLab, named by its root or by its API."""
    return web_address(value).removesuffix("/api/v4").rstrip("/")


def origin(value: str) -> str:
    """An origin as a browser writes it in `Origin` (RFC 6454, 6.2), or `*`.

    Any other spelling would never be equal to what a browser sends.
    """
    if value == "*":
        return value
    if value.lower() == "null":
        raise ValueError("is what many unrelated pages send; name an origin, or write *")
    if "*" in value:
        raise ValueError("is a pattern; name each origin by itself, or write * for all of them")
    if "@" in value:
        raise ValueError("holds a credential; an origin is scheme, host and port only")
    if "://" not in value:
        raise ValueError(f"has no scheme; write https://{_tidy(value)}")
    if re.search(r"\s|;", value):
        raise ValueError("is no origin; separate several by commas")
    serialised = _serialised(value)
    if value != serialised:
        raise ValueError(f"is no origin as browsers send it; write {serialised}")
    return value


def _serialised(value: str) -> str:
    parts = urlsplit(value.strip("\"'"))
    if not PAGE_SCHEMES.fullmatch(parts.scheme):
        raise ValueError("is no origin of a page: its scheme must be http or https")
    try:
        host, port = _serialised_host(parts.hostname or ""), parts.port
    except ValueError:
        host, port = "", None
    if not host:
        raise ValueError("is no origin (scheme, host and port only)")
    shown = "" if port in {None, DEFAULT_PORTS.get(parts.scheme)} else f":{port}"
    return f"{parts.scheme}://{host}{shown}"


def _serialised_host(host: str) -> str:
    """A host as browsers write it; empty where it is none."""
    if ":" in host:
        return f"[{IPv6Address(host).compressed}]"
    if host.rpartition(".")[2].isdigit():
        return str(ip_address(host))
    if not host.isascii():
        host = host.encode("idna").decode()
    return host if _is_host(host) else ""


def _tidy(value: str) -> str:
    return value.strip("\"'/").split("/")[0].lower()


def path_prefix(value: str) -> str:
    """A path without its closing slash, `/jobs` or `/ci/jobs`; empty for the root."""
    segments = [segment for segment in value.strip("/").split("/") if value.strip("/")]
    if not all(_is_segment(segment) and segment not in {".", ".."} for segment in segments):
        raise ValueError("is no path such as /jobs or /ci/jobs")
    return "".join(f"/{segment}" for segment in segments)


def listening_host(value: str) -> str:
    """A host name or address, without the brackets that addresses have in URLs."""
    host = value.removeprefix("[").removesuffix("]")
    if not host or re.search(r"[\s/]", host):
        raise ValueError("is no address to listen on, such as 127.0.0.1 or ::")
    return host


def is_loopback(host: str) -> bool:
    """Is this a name or address that only this machine reaches?"""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
