"""Commits."""

from __future__ import annotations

import strawberry

from gateway.schema.fields import PROMISED, plain
from gateway.schema.scalars import URL, DateTime

__all__ = ["Commit"]


@strawberry.type(description="A commit of a project's repository.")
class Commit:
    sha: str = plain("id", "Full commit hash.")
    short_sha: str | None = plain(
        "short_id", f"The hash's first characters, 8 as a rule. {PROMISED}", promised=True
    )
    title: str | None = plain("title", f"First line of the message. {PROMISED}", promised=True)
    message: str | None = plain(
        "message", f"Whole message, line ends as committed. {PROMISED}", promised=True
    )
    author_name: str | None = plain(
        "author_name", f"Who wrote the change. {PROMISED}", promised=True
    )
    author_email: str | None = plain(
        "author_email", f"The author's e-mail address. {PROMISED}", promised=True
    )
    authored_at: DateTime | None = plain(
        "authored_date", "When the change was written, with the author's own offset."
    )
    committer_name: str | None = plain("committer_name", "Who put it into the repository.")
    committer_email: str | None = plain("committer_email", "The committer's e-mail address.")
    committed_at: DateTime | None = plain(
        "committed_date", "When it was put there, with the committer's own offset."
    )
    created_at: DateTime | None = plain("created_at", "The upstream's other name for committedAt.")
    parent_shas: list[str] | None = plain("parent_ids", "Hashes of the parents; two of a merge.")
    web_url: URL | None = plain("web_url", "Address of the commit's page.")
