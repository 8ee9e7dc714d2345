"""What is served at `/`: the page of pipelines where it was built, else the way to the explorer."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

__all__ = ["is_first_page", "leads_to"]

IS_BUILT: Final = (files("gateway.transport.explorer") / "bundle" / "pipelines.html").is_file()


def is_first_page(answer: httpx.Response, way: str = "graphql") -> bool:
    """Is it the page, or where none was built a redirect that goes this way?"""
    if IS_BUILT:
        return answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    return leads_to(answer, way)


def leads_to(answer: httpx.Response, way: str) -> bool:
    """Is it a redirect to there?"""
    return answer.status_code == 307 and answer.headers["location"] == way
