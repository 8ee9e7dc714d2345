"""The caller's credential: what is presented to the upstream unchanged, and shown nowhere else."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import force_setattr

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HIDDEN", "PRESENTED_IN", "Credential", "owner_of"]

# For credentials that are given no key; new with every process.
_PROCESS_KEY: Final = secrets.token_bytes(32)
# How newer upstreams begin a job's token.
_OF_JOBS: Final = "glcbt-"
HIDDEN: Final = "(credential)"
# Less is no token of any upstream's, and would be found in every other word.
LEAST_HIDDEN: Final = 6
# Proxies encode addresses that they put into addresses.
MAX_TIMES_ENCODED: Final = 3
_VISIBLE = re.compile(r"[\x21-\x7e]+")
# In the order in which the upstream looks at them (upstream.md, 1).
_HEADERS: Final = (
    (b"authorization", "Authorization"),
    (b"private-token", "PRIVATE-TOKEN"),
    (b"job-token", "JOB-TOKEN"),
)
# All headers that make a credential.
PRESENTED_IN: Final = (*(name for name, _ in _HEADERS), b"sudo")


class Credential(Struct, frozen=True, eq=False):
    """One header and its value, as the caller presented it, and the user that an administrator
    wants to act as (`Sudo`: a name or number), if so. `address` is where the caller is, where the
    upstream is told (`X-Forwarded-For`): it may answer another address otherwise, so what is shared
    is split by it. A caller who is told by nothing but an address has neither header nor value.

    `fingerprint` is sixteen hexadecimal digits, the same for the same credential, `Sudo`, address
    and `fingerprint_key` (up to 64 bytes); who knows no key learns nothing about the credential
    from that.
    """

    header: str
    value: str
    sudo: str | None = None
    fingerprint_key: bytes = _PROCESS_KEY
    fingerprint: str = ""
    address: str = ""
    # In lower case, and without a scheme before it.
    _secret: str = ""
    _forms: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        text = f"{self.header}\0{self.value}"
        if self.sudo is not None:
            text += f"\0{self.sudo}"
        if self.address:
            text += f"\0\0{self.address}"
        digest = _keyed(self.fingerprint_key).copy()
        digest.update(text.encode())
        # Asked for with every call.
        force_setattr(self, "fingerprint", digest.hexdigest())
        force_setattr(self, "_secret", self.value.rpartition(" ")[2].lower())

    @classmethod
    def from_headers(
        cls, headers: Mapping[bytes, bytes], fingerprint_key: bytes = _PROCESS_KEY
    ) -> Credential | None:
        """The first of `Authorization: Bearer`, `PRIVATE-TOKEN` and `JOB-TOKEN`, with `Sudo`.

        Headers are by name in lower case: the first of a credential that came twice, and all that
        came as `Sudo`, joined by commas. Raises `BadInput` for a value that no header can carry,
        and for a `Sudo` that would be lost: without a credential, without a name, or with two. Who
        sends it must not act as somebody else.
        """
        presented = _presented(headers)
        if b"sudo" not in headers:
            return None if presented is None else cls(*presented, None, fingerprint_key)
        sudo = _sudo_of(headers[b"sudo"])
        if presented is None:
            raise BadInput("the Sudo header needs an administrator's credential beside it")
        return cls(*presented, sudo, fingerprint_key)

    @classmethod
    def seen_from(
        cls, address: str, presented: Credential | None, fingerprint_key: bytes = _PROCESS_KEY
    ) -> Credential | None:
        """What is presented, from an address of which the upstream is told."""
        if not address:
            return presented
        if presented is None:
            return cls("", "", None, fingerprint_key, address=address)
        header, value, sudo = presented.header, presented.value, presented.sudo
        return cls(header, value, sudo, fingerprint_key, address=address)

    @property
    def is_anonymous(self) -> bool:
        """Is nothing presented but an address?"""
        return not self.header

    @property
    def is_job_token(self) -> bool:
        """Is it a CI job's, wherever it was put?"""
        return self.header == "JOB-TOKEN" or _OF_JOBS in self.value

    def hidden_in(self, text: str) -> str:
        """The text without this credential, as it is or in base64, percent-encoded or not. Where it
        stood encoded the text is decoded so far.
        """
        secret = self._secret
        # The short texts that come with every answer hold it as it is, if at all: base64 makes four
        # characters of three.
        is_short = len(text) < len(secret) * 4 // 3 - 1
        if is_short and "%" not in text and secret not in text.lower():
            return text
        shown = deeper = text
        for _ in range(MAX_TIMES_ENCODED + 1):
            lowered = deeper.lower()
            for form in self._secret_forms:
                if form in lowered:
                    shown = deeper = re.sub(re.escape(form), HIDDEN, deeper, flags=re.IGNORECASE)
                    lowered = deeper.lower()
            if "%" not in deeper:
                break
            deeper = unquote(deeper)
        return shown

    @property
    def _secret_forms(self) -> tuple[str, ...]:
        """What gives the credential away, in lower case: headers of HTTP may come so."""
        forms = self._forms
        if forms is None:
            secret = self.value.rpartition(" ")[2]
            forms = ()
            if len(secret) >= LEAST_HIDDEN:
                forms = (secret.lower(), *(form.lower() for form in _in_base64(secret.encode())))
            # It is asked for with every answer.
            force_setattr(self, "_forms", forms)
        return forms

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credential) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[str, str, str | None, str]:
        return self.header, self.value, self.sudo, self.address

    def __repr__(self) -> str:
        return f"<Credential {self.header} {self.fingerprint}>"


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hashlib.blake2b:
    """What has read the key, and nothing else: a copy of it is half as dear as a new one."""
    return hashlib.blake2b(key=key, digest_size=8)


def owner_of(credential: Credential | None) -> str:
    """Whose it is, where callers are told apart: the fingerprint; empty without a credential."""
    return "" if credential is None else credential.fingerprint


def _in_base64(secret: bytes) -> list[str]:
    """What base64 makes of it, whatever number of bytes stands before it; none of a few bytes."""
    forms = []
    for before in range(3):
        encoded = b64encode(bytes(before) + secret).decode().rstrip("=")
        # The first and last characters hold bits of what stands around it.
        form = encoded[-(-8 * before // 6) : (before + len(secret)) * 8 // 6]
        if len(form) >= 8:
            forms.append(form)
    return forms


def _presented(found: Mapping[bytes, bytes]) -> tuple[str, str] | None:
    """The header that counts, and its value."""
    for name, header in _HEADERS:
        if name not in found:
            continue
        text = found[name].decode("latin-1").strip()
        if header == "Authorization":
            scheme, _, text = text.partition(" ")
            text = text.strip() if scheme.lower() == "bearer" else ""
        if not text:
            continue
        if not _VISIBLE.fullmatch(text):
            raise BadInput(
                f"the {header} header holds characters that no credential has; set it anew"
            )
        return header, f"Bearer {text}" if header == "Authorization" else text
    return None


def _sudo_of(value: bytes) -> str:
    text = value.decode("latin-1").strip()
    if "," in text:
        raise BadInput("the Sudo header is there twice; send it once")
    if not _VISIBLE.fullmatch(text):
        raise BadInput(
            "the Sudo header names no user; give a user's name or number, or leave it out"
        )
    return text
