"""What stands in the store, so that whoever reads it reads nothing (SECURITY.md, the store).

Names are keyed digests; values are sealed by AES-GCM. All keys come of the store's key by HKDF
(RFC 5869), and of the upstream's address, so that gateways of two upstreams share nothing in one
store. What belongs to a caller is sealed by a key that comes of the caller's credential as well.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from gateway.upstream.credential import Credential

__all__ = ["Seal", "Sealing"]

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
# Keys of credentials that are held, so that they need not be made for each call.
MAX_SEALS: Final = 1_000

_encode = msgspec.json.Encoder().encode


class Seal:
    """Seals and opens by one key. `name` is what a value is kept under, and has to be opened with:
    a value that was moved elsewhere opens no more.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, plain: bytes | bytearray, name: bytes) -> bytes:
        """The sealed bytes, 28 longer."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, name)

    def open(self, sealed: bytes, name: bytes) -> bytes | None:
        """The plain bytes; None where they were not sealed by this key, for this name."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            return None
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name)
        except InvalidTag:
            return None


class Sealing:
    """The keys that come of the store's key, for one upstream."""

    def __init__(self, store_key: str, upstream: str) -> None:
        self._key = _derived(store_key.encode(), "upstream", upstream)
        self._name_key = _derived(self._key, "names")
        self.fingerprint_key = _derived(self._key, "fingerprints")
        """For fingerprints of credentials, the same at all replicas."""
        self.space = self.digest("space")[:8]
        """Tells what belongs to the upstream in a store of several."""
        self.documents = Seal(_derived(self._key, "documents"))
        """Seals what belongs to no caller."""
        self._seals: OrderedDict[bytes, Seal] = OrderedDict()

    def digest(self, *parts: str | int) -> str:
        """A name for these that tells nothing of them: 32 hexadecimal digits."""
        return hashlib.blake2b(_encode(parts), key=self._name_key, digest_size=16).hexdigest()

    def of(self, credential: Credential | None) -> Seal:
        """What seals for this credential only."""
        parts = None
        if credential is not None:
            parts = credential.header, credential.value, credential.sudo, credential.address
        told = _encode(parts)
        # Not by the credential itself: nothing holds it longer than its operation takes.
        held = hashlib.blake2b(told, key=self.fingerprint_key, digest_size=32).digest()
        seal = self._seals.get(held)
        if seal is None:
            seal = self._seals[held] = Seal(_derived(self._key, "credential", told.decode()))
            while len(self._seals) > MAX_SEALS:
                self._seals.popitem(last=False)
        else:
            self._seals.move_to_end(held)
        return seal


def _derived(key: bytes, *purpose: str) -> bytes:
    info = b"jobs-gateway " + _encode(purpose)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)
