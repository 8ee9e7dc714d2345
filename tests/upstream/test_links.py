"""Links to other pages (RFC 8288)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.links import may_link_to, page_links, parameter_in

NEXT = "https://gitlab.test/api/v4/jobs?page=2"


@pytest.mark.parametrize(
    "headers",
    [
        [f'<{NEXT}>; rel="next"'],
        [f"<{NEXT}>;rel=next"],
        [f'<{NEXT}> ; REL = "Next"'],
        [f'<{NEXT}>; rel="last next"'],
        [f'<{NEXT}>; rel="next"; rel="prev"'],
        [f'<{NEXT}>; title="a, <b>; rel=\\"prev\\""; rel="next"'],
        [f"<{NEXT}>; title*=UTF-8''n%C3%A4chste; rel=next"],
        [f'</a,b.css>; rel="preload"; as=style, <{NEXT}>; rel="next"'],
        ["</style.css>; rel=preload; crossorigin", f'<{NEXT}>; rel="next"'],
        [f'<{NEXT}>; rel="next"', '<https://other/?page=9>; rel="next"'],
        [f'nonsense, <{NEXT}>; rel="next"'],
        [f', ,<{NEXT}>; rel="next",'],
        [f'<{NEXT}>; rel="next'],
        [f'<{NEXT}>; rel="ne\\xt"'],
        [f'</other?page=9>; rel="next"; anchor="/other", <{NEXT}>; rel="next"'],
    ],
)
def test_the_next_page_is_found(headers):
    assert may_link_to("next", headers)
    assert page_links(headers)["next"] == NEXT


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f'<{NEXT}>; rel="prefetch"',
        f'<{NEXT}>; rel="nextpage"',
        f'<{NEXT}>; title="rel=next"',
        f'<{NEXT}>; rel="prev"; rel="next"',
        f"<{NEXT}",
        f"<{NEXT}>",
    ],
)
def test_what_is_no_link_to_the_next_page_is_none(header):
    assert "next" not in page_links([header])


def test_headers_of_any_length_are_read_in_one_go():
    filling = '</a>; rel="preload"; x="' + "," * 100_000 + '", '
    broken = "<" * 100_000

    assert page_links([filling + f'<{NEXT}>; rel="next"']) == {"next": NEXT}
    assert page_links([broken]) == {}


@given(
    st.lists(
        st.sampled_from(['</a?page=2>; rel="next"', '</a?page=1>; rel="first"', ", ", ","])
        | st.sampled_from(["<", ">", '; rel="', "; ", 'prev"', 'hint"', "Last", '"', " ", "/b,c"]),
        max_size=8,
    )
)
def test_a_plain_header_is_read_as_the_careful_way_reads_it(pieces):
    header = "".join(pieces)

    assert may_link_to("next", [header]) or "next" not in page_links([header])
    # What begins with a comma is never plain.
    assert page_links([header]) == page_links([f", {header}"])


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("/jobs?page=2", "2"),
        ("?id=1&page=2&per_page=3#page=4", "2"),
        ("https://x/jobs?pa%67e=%32", "2"),
        ("/jobs?per_page=2", None),
        ("/jobs#?page=2", None),
        ("/page=2", None),
    ],
)
def test_a_parameter_is_taken_out_of_the_query(address, value):
    assert parameter_in(address, "page") == value
