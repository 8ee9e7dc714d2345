"""Sealing: what opens what, and that nothing of it shows."""

from __future__ import annotations

import pytest

from gateway.store.sealing import MAX_SEALS, Sealing
from gateway.upstream.credential import Credential

KEY = "k" * 32
GITLAB = "https://gitlab.test/api/v4"


def credential(value="secret", header="PRIVATE-TOKEN", sudo=None, address=""):
    return Credential(header, value, sudo, address=address)


def test_replicas_of_one_key_open_what_another_sealed():
    one, other = Sealing(KEY, GITLAB), Sealing(KEY, GITLAB)

    sealed = one.of(credential()).close(b"body", b"name")

    assert other.of(credential()).open(sealed, b"name") == b"body"
    assert one.fingerprint_key == other.fingerprint_key
    assert (one.space, one.digest("a", 1)) == (other.space, other.digest("a", 1))


@pytest.mark.parametrize(
    "other",
    [
        None,
        credential("secret2"),
        credential(header="JOB-TOKEN"),
        credential(sudo="root"),
        credential(address="192.0.2.1"),
        credential("secret\0root"),
    ],
)
def test_no_other_credential_opens_it(other):
    sealing = Sealing(KEY, GITLAB)
    sealed = sealing.of(credential()).close(b"body", b"name")

    assert sealing.of(other).open(sealed, b"name") is None


@pytest.mark.parametrize(
    ("key", "upstream"), [("j" * 32, GITLAB), (KEY, "https://other.test/api/v4")]
)
def test_no_other_key_and_no_other_upstream_shares_anything(key, upstream):
    one, other = Sealing(KEY, GITLAB), Sealing(key, upstream)
    sealed = one.of(credential()).close(b"body", b"name")
    document = one.documents.close(b"{ a }", b"name")

    assert other.of(credential()).open(sealed, b"name") is None
    assert other.documents.open(document, b"name") is None
    assert one.fingerprint_key != other.fingerprint_key
    assert one.space != other.space
    assert one.digest("a") != other.digest("a")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda sealed: bytes([sealed[0] ^ 1]) + sealed[1:],
        lambda sealed: sealed[:10],
        lambda _: b"",
    ],
)
def test_what_was_touched_does_not_open(spoil):
    seal = Sealing(KEY, GITLAB).documents

    assert seal.open(spoil(seal.close(b"body", b"name")), b"name") is None


def test_what_was_moved_to_another_name_does_not_open():
    seal = Sealing(KEY, GITLAB).documents

    assert seal.open(seal.close(b"body", b"name"), b"another") is None


def test_the_same_is_sealed_otherwise_each_time_and_shows_nothing():
    seal = Sealing(KEY, GITLAB).documents
    one, other = (seal.close(b"body body body", b"name") for _ in range(2))

    assert one != other
    assert b"body" not in one


def test_names_tell_parts_apart_and_nothing_of_them():
    sealing = Sealing(KEY, GITLAB)
    names = [("a", "b"), ("a", 1), ("a", "1"), ("ab",), ("a\0b",)]

    digests = {sealing.digest(*name) for name in names}

    assert {len(digest) for digest in digests} == {32}
    assert len(digests) == len(names)


def test_keys_of_credentials_are_held_for_a_bounded_number_of_them():
    sealing = Sealing(KEY, GITLAB)

    for number in range(MAX_SEALS + 5):
        sealing.of(credential(f"secret {number}"))

    assert len(sealing._seals) == MAX_SEALS
    assert b"secret" not in repr(sealing._seals).encode()
