"""Searches and sections of a log: equal to what a look at each line by itself finds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.upstream.logs import LogScan, LogSection, Search, Sections
from gateway.upstream.logs.patterns import MAX_PATTERN_LENGTH, compile_pattern
from gateway.upstream.logs.sequences import SEQUENCES
from tests.upstream.test_logs import STAMP, long_logs, pieces_of, small_logs, text_of

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"

MARKS = [
    *(
        b"section_%s:%d:%s\r\x1b[0K" % (kind, time, name)
        for kind in (b"start", b"end")
        for time in (1, 9)
        for name in (b"a", b"b")
    ),
    *(
        b"section_start:5:a[collapsed=true]\r\x1b[0K",
        b"section_start:5:c[x=1,collapsed=true]\r\x1b[0KC",
    ),
    *(b"section_start:3:a\n\x1b[0KOld", b"\x1b[0Ksection_end:4:a\r\n\x1b[0K", b"section_end:4:a"),
    *(STAMP + b" section_start:2:b\r\n" + STAMP + b"+\x1b[0KTitle", b"section_end:99:c\r\x1b[0K"),
    *(b"\n", b"\n", b"text", b"\x1b[36;1mHead\x1b[0;m", b"\r", b"\r\n", b"\xff", "é".encode()),
]
marked_logs = st.lists(st.sampled_from(MARKS), max_size=30).map(b"".join)
any_logs = small_logs | marked_logs | st.tuples(marked_logs, long_logs(), marked_logs).map(b"".join)
PLAIN_PATTERNS = [
    "a",
    "word",
    "50%",
    "é",
    "😀",
    "�",
    " ",
    "text",
    "\x00",
    "section_",
    "Z 00O",
    "xx",
    "7%",
]
# Such as RE2 and Python understand alike.
EXPRESSIONS = [
    "a", "^a", "a$", "^$", "^", "a|é", "[^a]$", r"w.*d", "(?i)WORD|TEXT", r"\bword\b", "x{3}$",
    ".", "^.$", r"[ab]\s", "(?s)a.+b", "é?b", r"\x00", "^(a|b|é)*$", r"\Bo",
]  # fmt: skip
cuts = st.sampled_from([1, 7, 999, 65_536, 200_000])


def scan(log, *wants, chunk_bytes=999):
    done = LogScan(wants)
    for start in range(0, len(log), chunk_bytes):
        done.feed(log[start : start + chunk_bytes])
    done.end()
    return done


def a_search(pattern, *, is_regex=False, before=0, after=0, first=100):
    return Search(pattern, is_regex, 0, before, after, first)


def lines_of(log):
    return [piece for piece in pieces_of(log, 1, 70_000) if piece.raw]


def plain_of(line):
    text = text_of(line, "plain")
    return text.removesuffix("\n") if line.raw.endswith(b"\n") else text


def naive_matches(log, want):
    """Lines that match by number, with the bytes of those around."""
    lines = lines_of(log)
    found = []
    for at, line in enumerate(lines):
        # Of a line that is too long carriage returns are line ends.
        is_found = any(
            re.search(want.pattern, text, re.ASCII) if want.is_regex else want.pattern in text
            for text in plain_of(line).split("\n")
        )
        if is_found and line.start_byte >= want.from_byte:
            before = lines[max(0, at - want.before) : at]
            found.append((at + 1, line, before, lines[at + 1 : at + 1 + want.after]))
    return found[: want.first]


def shown(matches):
    """What is told of matches: numbers, positions, and all that the lines hold."""

    def told(line):
        return line.start_byte, line.end_byte, line.raw, [text_of(line, form) for form in FORMS]

    return [
        (number, told(line), [*map(told, before)], [*map(told, after)])
        for number, line, before, after in matches
    ]


FORMS = ("plain", "ansi", "raw")
patterns = st.sampled_from(
    [(text, False) for text in PLAIN_PATTERNS] + [(text, True) for text in EXPRESSIONS]
)


@st.composite
def searches(draw):
    pattern, is_regex = draw(patterns)
    from_byte = draw(st.sampled_from([0, 0, 1, 20, 65_536]))
    around = st.integers(0, 3)
    first = draw(st.sampled_from([1, 2, 100]))
    return Search(pattern, is_regex, from_byte, draw(around), draw(around), first)


@settings(max_examples=150, deadline=None)
@given(any_logs, st.lists(searches(), min_size=1, max_size=4), cuts)
def test_a_search_finds_what_a_look_at_each_line_finds(log, wants, chunk_bytes):
    done = scan(log, *wants, chunk_bytes=chunk_bytes)

    for want in wants:
        assert shown(done.matches(want)) == shown(naive_matches(log, want))


NAIVE_MARK = r"section_(start|end):([0-9]{1,20}):([A-Za-z0-9_.-]+)(?:\[([^\]]*)\])?"
NAIVE_STAMP = r"[0-9-]{10}T[0-9:]{8}\.[0-9]+Z [0-9a-f]{2}[OE]"


def naive_sections(log):
    """Marks of one line after the other, by its text without timestamps."""
    lines = lines_of(log)
    sections = []
    for number, line in enumerate(lines, 1):
        text = line.raw.decode("utf-8", "replace")
        old = rf"(?m)^((?:\x1b\[[0-9;]*[mK])*)({NAIVE_MARK})\r?\n(?=\x1b\[0?K)"
        text = re.sub(old, "\\1\\2\r\x1b[0K", text)
        text = re.sub(rf"(?m)(?:\n|^){NAIVE_STAMP}\+|^{NAIVE_STAMP} ?", "", text)
        parts = re.split(rf"({NAIVE_MARK}\r\x1b\[0?K)", text)
        is_visible = False
        for at in range(0, len(parts) - 1, 6):
            before, _, kind, time, name, options, beside = parts[at : at + 7]
            is_visible |= naive_plain(before + "\n") != ""
            if kind == "start":
                ended = "" if at + 7 == len(parts) else "\n"
                section = LogSection(
                    name,
                    naive_plain(beside + ended)[:1_000] or None,
                    number,
                    line.start_byte,
                    int(time),
                    "collapsed=true" in (options or ""),
                )
                sections.append(section)
                continue
            of_name = [one for one in sections if one.name == name and one.end_line is None]
            if of_name:
                section = of_name[-1]
                last = number if is_visible or section.start_line == number else number - 1
                section.end_line, section.end_byte = last, lines[last - 1].end_byte
                took = int(time) - section.started_at
                section.duration_s = took if took >= 0 else None
    return sections


def naive_plain(text):
    """The last state of a line, without escape sequences."""
    states = SEQUENCES.sub("", text).rstrip("\r\n").split("\r")
    return states[-1]


@settings(max_examples=150, deadline=None)
@given(any_logs, cuts)
def test_sections_are_those_of_each_line(log, chunk_bytes):
    done = scan(log, Sections(1_000), chunk_bytes=chunk_bytes)

    assert done.sections(Sections(1_000)) == naive_sections(log)[:1_000]


@settings(max_examples=150, deadline=None)
@given(marked_logs, st.integers(1, 4))
def test_the_first_sections_are_the_same_however_many_there_are(log, first):
    few = scan(log, Sections(first)).sections(Sections(first))

    assert few == naive_sections(log)[:first]


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
@pytest.mark.parametrize("path", sorted(RECORDED.glob("trace__*")), ids=lambda path: path.stem)
def test_recorded_logs_have_the_sections_and_matches_of_each_line(path):
    log = path.read_bytes()
    want = a_search("(?i)job|error", is_regex=True, before=2, after=2)

    done = scan(log, want, Sections(1_000), chunk_bytes=9_999)

    assert shown(done.matches(want)) == shown(naive_matches(log, want))
    assert done.sections(Sections(1_000)) == naive_sections(log)


def test_searches_for_the_same_share_the_lines_around_what_they_find():
    log = b"".join(b"line %d\n" % number for number in range(1_000))
    wants = [
        a_search("line 5", before=before, after=after, first=first)
        for before in range(10)
        for after in range(10)
        for first in (1, 4)
    ]

    done = scan(log, *wants)

    found = [done.matches(want) for want in wants]
    assert len(done._searches._searches) == 1
    assert {id(matches[0].line) for matches in found} == {id(found[0][0].line)}
    assert [match.number for match in found[-1]] == [6, 51, 52, 53]
    assert [len(match.before) for match in found[-1]] == [5, 9, 9, 9]


def test_a_search_that_has_enough_needs_no_more_of_the_log():
    want = a_search("two", before=1, after=2, first=1)
    done = LogScan([want])
    lines = [b"%s\n" % (line * 16_000) for line in (b"one ", b"two ", b"3   ", b"4   ", b"5   ")]

    needed = 0
    while not done.is_done:
        done.feed(lines[needed])
        needed += 1

    [match] = done.matches(want)
    assert [len(match.before), match.number, len(match.after)] == [1, 2, 2]
    assert needed == 5


def test_a_search_of_a_long_log_holds_no_more_than_the_lines_around():
    want = a_search("never", is_regex=True, before=50, after=50)
    done = LogScan([want, Sections(100)])
    chunk = b"section_start:1:a\r\x1b[0K" + b"x" * 99 + b"\n"

    for _ in range(50_000):
        done.feed(chunk)

    kept = done._searches._recent
    assert sum(len(block.block.raw) for block in kept) <= 2 * 65_536
    assert done._searches._lines == {}
    assert len(done.sections(Sections(100))) == 100


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("", "it is empty; give what to search for"),
        ("a" * (MAX_PATTERN_LENGTH + 1), "it has 1,001 characters; give at most 1,000"),
        (r"(a)\1", r"invalid escape sequence: \1. Regular expressions are RE2's, without back"),
        ("(?=a)", "invalid perl operator: (?=. Regular expressions are RE2's"),
        ("(a", "missing ): (a. Regular"),
        ("a{1001}", "invalid repetition size: {1001}"),
        ("((a{30}){30}){30}", "invalid repetition size: {30}"),
        (r"\pL{100}", "it has too many states; use smaller repetitions and classes"),
        ("(.{50}){6}", "it has too many states"),
        (r"\Aerror", r"\A cannot be used, each line is searched by itself; ^ and $ are"),
        (r"error\z", r"\z cannot be used"),
        (r"a\Cb", r"\C cannot be used"),
        ("(?i-m:^a)", "(?i-m cannot be used"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_with_what_to_do(pattern, told):
    with pytest.raises(BadInput) as refused:
        compile_pattern(pattern, is_regex=True)

    assert refused.value.message.startswith("pattern: ")
    assert told in refused.value.message


@pytest.mark.parametrize(("pattern", "told"), [("", "it is empty"), ("a\nb", "it has a line feed")])
def test_a_text_that_cannot_be_found_is_refused_with_what_to_do(pattern, told):
    with pytest.raises(BadInput, match=told):
        compile_pattern(pattern, is_regex=False)


@pytest.mark.parametrize(
    "pattern", [r"\\A", r"\\\\z", r"[A-z]+\d\\C", "(?m)^a$", "(?P<n>a)-m", r"\Qa.b\E"]
)
def test_what_only_looks_as_if_it_left_the_line_is_taken(pattern):
    assert compile_pattern(pattern, is_regex=True).is_slow


def test_half_of_a_surrogate_pair_is_found_nowhere():
    assert compile_pattern("\ud800", is_regex=False).find("�a".encode(), 0) == -1


def test_without_the_engine_texts_are_found_and_expressions_refused():
    program = """if True:
        import sys
        sys.modules["re2"] = None
        from gateway.errors import BadInput
        from gateway.upstream.logs.patterns import check_pattern, compile_pattern
        assert compile_pattern("b", is_regex=False).find(b"ab", 0) == 1
        try:
            check_pattern("b", is_regex=True)
        except BadInput as refused:
            print(refused.message)
    """

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == (
        "regex: this gateway has no engine for regular expressions. Search for a text with regex:"
        " false, or have its operator install one: in the checkout pip install '.[search]', of a"
        " wheel pip install './FILE.whl[search]'\n"
    )
