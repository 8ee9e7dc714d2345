"""Operations that each show one rule of execution; what they come to is written down where that is
the rule.

All cases are run by both executors (`test_corpus`), and every mutant of the compiler must fail one
(`mutants`). Several sets of variables run one after the other on the same cached document.
"""

from tests.execution.corpus.case import Case, global_id
from tests.execution.corpus.failures import FAILURES, MUTATIONS
from tests.execution.corpus.fields import FIELDS, FRAGMENTS
from tests.execution.corpus.hydration import HYDRATION, SHARING
from tests.execution.corpus.pipelines import PIPELINES
from tests.execution.corpus.variables import ARGUMENTS, DIRECTIVES

__all__ = ["CASES", "Case", "global_id"]

CASES = [
    *FIELDS,
    *FRAGMENTS,
    *DIRECTIVES,
    *ARGUMENTS,
    *HYDRATION,
    *FAILURES,
    *SHARING,
    *MUTATIONS,
    *PIPELINES,
]
