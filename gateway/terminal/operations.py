"""The operations that are sent, as GraphQL text."""

from typing import Final

__all__ = ["JOB", "LOG", "PIPELINE", "TAIL"]

_ITEM: Final = """
fragment Item on PipelineItem {
  __typename id databaseId name stage statusText allowFailure startedAt duration failureReasonText
  ... on Bridge { downstreamPipeline { databaseId statusText } }
}
"""

PIPELINE: Final = (
    """
subscription Watch($pipeline: PipelineRef!) {
  pipelineUpdated(pipeline: $pipeline) {
    pipeline { databaseId name ref sha statusText yamlErrors startedAt duration }
    changed { ...Item }
  }
}
"""
    + _ITEM
)

JOB: Final = (
    """
subscription Watch($job: JobRef!) {
  jobUpdated(job: $job) { ref ...Item }
}
"""
    + _ITEM
)

LOG: Final = """
subscription Follow($job: JobRef!, $from: BigInt!, $format: LogFormat!) {
  jobLog(job: $job, fromByte: $from, format: $format) { text endByte }
}
"""

TAIL: Final = """
query Tail($job: JobRef!, $lines: Int!, $format: LogFormat!) {
  job(by: $job) { log { tail(lines: $lines, format: $format) { text endByte } } }
}
"""
