"""Logs: one streamed pass answers all that is asked of a job's log, in bounded memory.

    scan = LogScan([Tail(lines=100, max_bytes=65536), Slice(from_byte=0, max_bytes=65536)])
    async for chunk in streamed.chunks():
        scan.feed(chunk)
    scan.end()
    tail, piece = scan.pieces()

    ranges ─ asks the upstream for no more of the log than is needed, where it can be asked
      scan ─ one pass
        search, sections ─ lines that match a pattern; what the runner marked
          text ─ a piece as plain text, with colours, or as it is
            pieces ─ tails and slices, cut out at line ends
              lines ─ bytes in, lines out
                sequences ─ colours, section marks and timestamps between the text

Positions are bytes of the log as the runner wrote it, whatever the format shows of them.
"""

from gateway.upstream.logs.patterns import check_pattern, compile_pattern
from gateway.upstream.logs.pieces import LogPiece, Slice, Tail
from gateway.upstream.logs.scan import LogScan, LogWant
from gateway.upstream.logs.search import LogMatch, Search
from gateway.upstream.logs.sections import LogSection, Sections
from gateway.upstream.logs.text import LogFormat, format_log, format_steps

__all__ = [
    "LogFormat",
    "LogMatch",
    "LogPiece",
    "LogScan",
    "LogSection",
    "LogWant",
    "Search",
    "Sections",
    "Slice",
    "Tail",
    "check_pattern",
    "compile_pattern",
    "format_log",
    "format_steps",
]
