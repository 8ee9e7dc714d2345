"""Users."""

from __future__ import annotations

import strawberry

from gateway.schema.fields import PROMISED, plain
from gateway.schema.scalars import URL, BigInt, DateTime

__all__ = ["User"]


@strawberry.type(
    description=(
        "A user, as far as the upstream shows one beside a job. Where it only sends the short form"
        " (a pipeline's user), what is not in it is null."
    )
)
class User:
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    username: str | None = plain(
        "username", f"Name to log in and to mention with, without the @. {PROMISED}", promised=True
    )
    name: str | None = plain("name", f"Display name. {PROMISED}", promised=True)
    state: str | None = plain(
        "state",
        f"What the account may do, e.g. active, blocked, deactivated. {PROMISED}",
        promised=True,
    )
    avatar_url: URL | None = plain("avatar_url", "Address of the picture.")
    web_url: URL | None = plain("web_url", "Address of the profile's page.")
    created_at: DateTime | None = plain(
        "created_at", "When the account was made; null where the caller may not see the profile."
    )
    bio: str | None = plain("bio", "What the user says of themselves.")
    location: str | None = plain("location", "Where the user says they are.")
    public_email: str | None = plain("public_email", "E-mail address shown to everybody.")
    linkedin: str | None = plain("linkedin", "LinkedIn name.")
    twitter: str | None = plain("twitter", "Twitter (X) name.")
    website_url: str | None = plain(
        "website_url", "Website as the user typed it: often without https://, so no URL."
    )
    organization: str | None = plain("organization", "Where the user works.")
