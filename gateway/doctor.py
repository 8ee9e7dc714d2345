"""The doctor: asks the configured upstream what the gateway needs to know of it.

    version ─► there? TLS? its clock, its limits, the credential
    a project ─► its jobs: keyset, order, filters, addresses; a log: parts of it

It sends GET and nothing else. A store of the settings is examined as well
(`gateway.store.examination`). What is found is for `doctor_command` to print.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, urlsplit

import msgspec

from gateway.findings import Finding
from gateway.parts import wire_options_of
from gateway.settings.checks import is_loopback
from gateway.sharing import examine_store
from gateway.team import Team
from gateway.upstream.answers import date_in
from gateway.upstream.causes import Cause, misdirected
from gateway.upstream.wire import WireError, whole_number
from gateway.upstream.wires import open_wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.findings import Kind
    from gateway.settings import Settings
    from gateway.upstream.wire import Answer, Wire

__all__ = ["examine"]

TIMEOUT_S: Final = 15.0
# A clock that is further off makes waits for limits too long or too short.
CLOCK_OFF_S: Final = 5.0
# A ref that nobody has: a version that knows the filter finds nothing.
NO_REF: Final = "jobs-gateway-doctor-looks-for-no-such-ref"
ROWS: Final = 20
LOGS_TRIED: Final = 5
# What only the jobs of a project show.
REST: Final = "what only jobs show (keyset, order, ref, statuses, addresses, logs)"
# What a certificate that is not trusted is cured by.
_CURED_BY_CA: Final = {Cause.CERTIFICATE_UNTRUSTED, Cause.CERTIFICATE_SELF_SIGNED}


class _Job(msgspec.Struct):
    id: int
    status: str = ""
    web_url: str | None = None


class _Named(msgspec.Struct):
    id: int
    path_with_namespace: str = ""


class _Version(msgspec.Struct):
    version: str


class _Over(Exception):
    """No more can be asked."""


async def examine(
    settings: Settings, token: str | None, project: str | None = None
) -> list[Finding]:
    """What is to be known of the upstream of these settings, and of their store. Cost: 10 calls at
    most and one for each log that is tried, up to five.
    """
    examination = _Examination(settings, token, project)
    options = wire_options_of(settings, examination.api_url, Team())
    async with open_wire(settings.wire, replace(options, max_connections=2)) as wire:
        examination.wire = wire
        with suppress(_Over):
            await examination.all()
    if settings.store_url is not None:
        examination.found += await examine_store(settings, examination.api_url)
    return examination.found


class _Examination:
    wire: Wire

    def __init__(self, settings: Settings, token: str | None, project: str | None) -> None:
        self.found: list[Finding] = []
        self.api_url = f"{settings.upstream_url}/api/v4"
        self._settings = settings
        self._origin = f"{urlsplit(self.api_url).scheme}://{urlsplit(self.api_url).netloc}"
        self._base = urlsplit(self.api_url).path
        self._headers = {"accept": "application/json"} | (
            {"PRIVATE-TOKEN": token} if token is not None else {}
        )
        self._has_token = token is not None
        self._project = project

    async def all(self) -> None:
        """Ask one thing after the other, as long as there is somebody to be asked."""
        self._look_at_tls()
        answer = await self._version()
        self._look_at_limits(answer)
        project = await self._find_project()
        jobs = await self._keyset(project)
        await self._filters(project)
        self._look_at_addresses(jobs)
        await self._parts_of_logs(project, jobs)

    # -- the instance ------------------------------------------------------------------------------

    def _look_at_tls(self) -> None:
        parts = urlsplit(self.api_url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            self._tell("note", "tls", "http: tokens and logs travel in plain text; use https")

    async def _version(self) -> Answer:
        began, asked = perf_counter(), time()
        answer = await self._get("/version", about="reachable")
        took_s = perf_counter() - began
        self._check_it_is_the_api(answer)
        self._tell("ok", "reachable", f"{self.api_url} answers, in {took_s * 1000:.0f} ms")
        if urlsplit(self.api_url).scheme == "https":
            self._tell("ok", "tls", "the certificate is trusted")
        told = date_in(answer.header)
        if told is None:
            self._tell("unknown", "clock", "it tells no date; waits for limits go by this clock")
        else:
            # Told in whole seconds, somewhere between asking and being answered.
            self._look_at_clock(told + 0.5 - (asked + took_s / 2))
        if answer.status == 401 and self._has_token:
            self._tell("fault", "credential", "the token of GITLAB_TOKEN is refused (401)")
            raise _Over
        if answer.status == 200:
            self._tell("ok", "version", f"GitLab {_read(answer, _Version, self._no_api).version}")
        elif answer.status == 401:
            self._tell("unknown", "version", "told to credentials only: set GITLAB_TOKEN")
        else:
            self._tell("unknown", "version", f"not told (HTTP {answer.status})")
        return answer

    def _look_at_clock(self, ahead_s: float) -> None:
        if abs(ahead_s) <= CLOCK_OFF_S:
            self._tell("ok", "clock", f"within {CLOCK_OFF_S:.0f} s of this one")
            return
        way = "ahead of" if ahead_s > 0 else "behind"
        text = f"{abs(ahead_s):.0f} s {way} this one: set both by NTP; resets of limits go by it"
        self._tell("note", "clock", text)

    def _check_it_is_the_api(self, answer: Answer) -> None:
        """Tell of what stands in the place of the API, and end; of failures, too."""
        if 300 <= answer.status < 400:
            target = urlsplit(answer.header("location") or "")
            # Its path may name whatever it likes; the address of an instance is its origin.
            there = f"{target.scheme}://{target.netloc}" if target.netloc else ""
            is_other = bool(there) and there != self._origin
            text = f"it redirects{f' to {there}' if is_other else ''} (HTTP {answer.status})"
            wanted = (f"GATEWAY_UPSTREAM_URL={there}",) if is_other else ()
            self._tell("fault", "reachable", f"{text}: name the address that it leads to", wanted)
            raise _Over
        if (cause := misdirected(answer.status, answer.body)) is not None:
            self._tell("fault", "reachable", cause.sentence)
            raise _Over
        if answer.status >= 500:
            self._tell("fault", "reachable", f"it fails (HTTP {answer.status}); try again later")
            raise _Over
        if answer.status == 404 or "json" not in (answer.header("content-type") or ""):
            self._no_api()

    def _no_api(self) -> None:
        self._tell(
            "fault",
            "reachable",
            f"{self.api_url} answers with something else than the API: a sign-in page, another"
            " program, or a GitLab below a path, which GATEWAY_UPSTREAM_URL has to name as well",
        )
        raise _Over

    def _look_at_limits(self, answer: Answer) -> None:
        limit = whole_number(answer.header("ratelimit-limit"))
        if limit is None:
            self._tell("unknown", "limits", "not told before a 429; the gateway then keeps to them")
            return
        name = answer.header("ratelimit-name")
        said = f"{limit} calls a minute" + (f" ({name})" if name and name.isprintable() else "")
        wanted: tuple[str, ...] = ()
        if limit < self._settings.max_calls:
            said += ", less than one operation may need"
            wanted = (f"GATEWAY_MAX_CALLS={limit}",)
        self._tell("note" if wanted else "ok", "limits", said, wanted)

    # -- a project's jobs --------------------------------------------------------------------------

    async def _find_project(self) -> str:
        """The path of the project to look at, as an address names it."""
        if self._project is not None:
            path = f"/projects/{quote(self._project, safe='')}"
            answer = await self._get(path, about="project")
            if answer.status != 200:
                told = "not there for this credential" if answer.status == 404 else "refused"
                self._tell("fault", "project", f"{told} (HTTP {answer.status})")
                raise _Over
            return path
        if not self._has_token:
            self._without_project("set GITLAB_TOKEN, or name a public one")
        answer = await self._get(
            "/projects?membership=true&simple=true&per_page=1&order_by=last_activity_at",
            about="project",
        )
        if answer.status != 200:
            self._without_project(f"their list is not given (HTTP {answer.status}): name one")
        projects = _read(answer, list[_Named])
        if not projects:
            self._without_project("the token is a member of none: name one")
        path = projects[0].path_with_namespace
        self._tell("ok", "project", f"asked about: {path!r}; about another by --project")
        return f"/projects/{projects[0].id}"

    def _without_project(self, why: str) -> NoReturn:
        text = f"none looked at, nor {REST}: {why}, by --project GROUP/PROJECT"
        self._tell("unknown", "project", text)
        raise _Over

    async def _keyset(self, project: str) -> list[_Job]:
        """The newest jobs, in two pages by keyset."""
        path = f"{project}/jobs?pagination=keyset&per_page={ROWS}"
        answer = await self._get(path, about="jobs")
        if answer.status != 200:
            text = f"refused (HTTP {answer.status}); the token needs the scope read_api"
            self._tell("fault", "jobs", text)
            raise _Over
        jobs: list[_Job] = _read(answer, list[_Job])
        links = ",".join(answer.header_values("link"))
        ids = [job.id for job in jobs]
        if len(jobs) < ROWS:
            self._tell("unknown", "keyset", f"the project has {len(jobs)} jobs; it takes {ROWS}")
        elif "cursor=" in links:
            self._tell("ok", "keyset", "honoured: long lists cost one call a page")
        elif 'rel="next"' in links or answer.header("x-next-page"):
            text = "not honoured: GitLab 15.9 or newer is needed, or a proxy drops the parameter"
            self._tell("fault", "keyset", text)
        else:
            text = "no link to the next page: does a proxy take the header `Link` off?"
            self._tell("note", "keyset", text)
        if ids != sorted(ids, reverse=True):
            self._tell("fault", "order", "jobs do not come newest first, as cursors need them")
        elif jobs:
            self._tell("ok", "order", "newest first")
        return jobs

    async def _filters(self, project: str) -> None:
        answer = await self._get(f"{project}/jobs?ref={NO_REF}&per_page=1", about="ref")
        if answer.status == 200 and _read(answer, list[_Job]):
            self._tell("note", "ref", "not honoured: lists of one ref take more calls")
        elif answer.status == 200:
            self._tell("ok", "ref", "honoured: lists of one ref are short")
        answer = await self._get(f"{project}/jobs?scope[]=canceling&per_page=1", about="statuses")
        if answer.status == 400:
            text = "the words of GitLab 17 and newer (CANCELING) are not known to it"
            self._tell("note", "statuses", text)
        elif answer.status == 200:
            self._tell("ok", "statuses", "all that the gateway knows")

    def _look_at_addresses(self, jobs: list[_Job]) -> None:
        """Do its own addresses lead where it is asked?"""
        shown = next((job.web_url for job in jobs if job.web_url), None)
        if shown is None:
            return
        web = urlsplit(shown)
        there = f"{web.scheme}://{web.netloc}"
        known = self._settings.upstream_web_url or str(self._settings.upstream_url)
        if shown.startswith(known + "/"):
            self._tell("ok", "addresses", f"its pages are at {known}")
        else:
            text = f"its pages are at {there}: pasted addresses are not understood"
            self._tell("note", "addresses", text, (f"GATEWAY_UPSTREAM_WEB_URL={there}",))

    async def _parts_of_logs(self, project: str, jobs: list[_Job]) -> None:
        finished = [job for job in jobs if job.status in {"success", "failed"}][:LOGS_TRIED]
        for job in finished:
            target = f"{project}/jobs/{job.id}/trace?byte_offset=0&byte_limit=1"
            async with self._stream(target) as (status, first):
                if status == 200 and first:
                    break
        else:
            self._tell("unknown", "logs", f"none of {len(finished)} finished jobs has one to read")
            return
        if len(first) == 1:
            self._tell("ok", "logs", "parts are sent: following a log reads its new bytes only")
        else:
            text = "sent whole each time: long logs that are followed are asked for less often"
            self._tell("note", "logs", text)

    # -- asking ------------------------------------------------------------------------------------

    async def _get(self, target: str, *, about: str) -> Answer:
        try:
            return await self.wire.send(
                "GET", self._base + target, self._headers, timeout_s=TIMEOUT_S
            )
        except WireError as error:
            self._not_there(about, error)
            raise _Over from None

    @asynccontextmanager
    async def _stream(self, target: str) -> AsyncIterator[tuple[int, bytes]]:
        """The status of an answer, and the first two of its bytes or more."""
        begun = b""
        try:
            async with self.wire.stream(
                "GET", self._base + target, self._headers, timeout_s=TIMEOUT_S
            ) as answer:
                async for part in answer.chunks():
                    begun += part
                    if len(begun) > 1:
                        break
                yield answer.status, begun
        except WireError as error:
            self._not_there("logs", error)
            raise _Over from None

    def _not_there(self, about: str, error: WireError) -> None:
        cause = error.cause
        text = str(error) if cause is None else f"{cause.sentence} ({cause.name})"
        wanted: tuple[str, ...] = ()
        if cause in _CURED_BY_CA and self._settings.upstream_ca_file is None:
            wanted = ("GATEWAY_UPSTREAM_CA_FILE=the PEM file of the authority that signed it",)
        self._tell("fault", about, text, wanted)

    def _tell(self, kind: Kind, about: str, text: str, set_to: tuple[str, ...] = ()) -> None:
        self.found.append(Finding(kind, about, text, set_to))


def _read(answer: Answer, kind: Any, otherwise: Callable[[], object] | None = None) -> Any:
    """What a body holds; nothing, or what `otherwise` does, where it holds something else."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError:
        return [] if otherwise is None else otherwise()
