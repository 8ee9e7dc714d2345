"""What every world has: a user and a credential for each role, and the runners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.world.access import LEVELS
from gateway.sandbox.world.clock import timestamp
from gateway.sandbox.world.jsontext import compact
from gateway.sandbox.world.rows import ManagerRow, RunnerRow, TokenRow, UserRow

if TYPE_CHECKING:
    from gateway.sandbox.world.store import Store

__all__ = ["ADMIN", "BLOCKED", "BOT", "DEVELOPER_ID", "MEMBERS", "populate", "token_of"]

ADMIN, MAINTAINER_ID, DEVELOPER_ID, REPORTER_ID, GUEST_ID, OUTSIDER_ID, BLOCKED, BOT = range(1, 9)

MEMBERS = {
    MAINTAINER_ID: LEVELS["maintainer"],
    DEVELOPER_ID: LEVELS["developer"],
    REPORTER_ID: LEVELS["reporter"],
    GUEST_ID: LEVELS["guest"],
}
"""Members of the demo's projects; the outsider is nowhere, the admin needs no membership."""

_PEOPLE: tuple[tuple[int, str, str, dict[str, object]], ...] = (
    (ADMIN, "root", "Administrator", {}),
    (
        MAINTAINER_ID,
        "maintainer",
        "Maja Łukasik",
        {"bio": "Keeps things green ✅", "github": "maja"},
    ),
    (
        DEVELOPER_ID,
        "developer",
        "Dev Ōkubo 大久保",
        {
            "bio": "Full-stack & <curious>\r\nsecond line 🎯",
            "location": "大阪",
            "website_url": "www.example.com",
            "job_title": "Engineer",
            "organization": "ACME",
            "work_information": "Engineer at ACME",
            "pronouns": "they/them",
            "followers": 12,
            "following": 3,
            "public_email": "developer@example.com",
        },
    ),
    (REPORTER_ID, "reporter", "Renée Dupont", {"location": None, "organization": None}),
    (GUEST_ID, "guest", "Günther Gast", {"pronouns": None}),
    (OUTSIDER_ID, "outsider", "Olga Außen", {}),
    (BLOCKED, "ghosted", "Gone Person", {"public_email": None}),
    (BOT, "project_1_bot", "Release bot", {"bot": True}),
)


def token_of(role: str) -> str:
    """The demo credential of a role."""
    return f"glpat-sandbox-{role}"


def populate(store: Store, *, now: float) -> None:
    """Users, credentials and runners."""
    store.insert(UserRow, [_user(*person, now=now) for person in _PEOPLE])
    store.insert(TokenRow, _tokens())
    store.insert(RunnerRow, _runners(now))
    store.insert(ManagerRow, _managers(now))


def _user(
    number: int, username: str, name: str, profile: dict[str, object], *, now: float
) -> UserRow:
    return UserRow(
        id=number,
        username=username,
        name=name,
        created_at=timestamp(now - 400 * 86_400 - number * 3_601.5),
        state="blocked" if number == BLOCKED else "active",
        admin=int(number == ADMIN),
        profile_json=compact(profile),
        utc_offset_h={DEVELOPER_ID: 9, MAINTAINER_ID: 1}.get(number),
    )


def _tokens() -> list[TokenRow]:
    roles = {
        "admin": ADMIN,
        "maintainer": MAINTAINER_ID,
        "developer": DEVELOPER_ID,
        "reporter": REPORTER_ID,
        "guest": GUEST_ID,
        "outsider": OUTSIDER_ID,
    }
    return [
        *(TokenRow(token_of(role), role, user) for role, user in roles.items()),
        TokenRow(token_of("read_only"), "read_only", DEVELOPER_ID, scopes="read_api"),
        TokenRow(token_of("expired"), "expired", DEVELOPER_ID, state="expired"),
        TokenRow(token_of("revoked"), "revoked", DEVELOPER_ID, state="revoked"),
        TokenRow("sandbox-oauth-developer", "oauth", DEVELOPER_ID, kind="oauth"),
    ]


def _runners(now: float) -> list[RunnerRow]:
    def runner(
        number: int, description: str | None, kind: str, status: str, **given: int
    ) -> RunnerRow:
        return RunnerRow(
            id=number,
            description=description,
            ip_address=f"10.0.0.{number}",
            paused=given.get("paused", 0),
            runner_type=kind,
            online=int(status == "online"),
            status=status,
            created_at=timestamp(now - 90 * 86_400),
            created_by=ADMIN if number % 2 else None,
            tags_json='["docker","docker runner","linux","ruby","ubuntu18"]',
            graceful=given.get("graceful", 0),
        )

    return [
        runner(1, "blue-1.shared.runners.example.com ", "instance_type", "online", graceful=1),
        runner(2, "group-runner (older)", "group_type", "online"),
        runner(3, "läuft nicht mehr", "project_type", "offline"),
        runner(4, None, "project_type", "never_contacted", paused=1),
        runner(5, "", "instance_type", "stale"),
    ]


def _managers(now: float) -> list[ManagerRow]:
    def manager(number: int, runner: int, version: str, status: str) -> ManagerRow:
        return ManagerRow(
            id=number,
            runner_id=runner,
            system_id=f"{'s' if number % 2 else 'r'}_{number:012x}",
            version=version,
            revision="d4c7f28e",
            platform="linux",
            architecture="amd64",
            created_at=timestamp(now - 30 * 86_400),
            contacted_at=timestamp(now - (8 if status == "online" else 40 * 86_400)),
            ip_address=f"10.0.1.{number}",
            status=status,
        )

    return [
        manager(11, 1, "18.9.0", "online"),
        manager(12, 1, "18.9.0", "online"),
        manager(21, 2, "16.11.1", "online"),
        manager(31, 3, "15.11.0", "offline"),
    ]
