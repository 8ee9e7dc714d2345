"""From a request to an operation that may be executed: all that is known without an upstream call.

A document seen before costs one look-up up to its plan. One that is new is prepared in steps, in
turns with all others that are (`gateway.shares`); what that takes is part of the operation's time.
What may take too much is refused here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from graphql import GraphQLError

from gateway.eager import own_task
from gateway.errors import DeadlineExceeded
from gateway.execution.document import Document, FilledDocument
from gateway.execution.forecast import forecast, too_dear, too_full
from gateway.execution.inputs import check_variables
from gateway.execution.limits import tell_measured
from gateway.execution.operation import Operation, Prepared
from gateway.execution.persisted import UnknownDocument
from gateway.execution.response import RequestError
from gateway.schema.ways import tell_way
from gateway.shares import Shares

if TYPE_CHECKING:
    from collections.abc import Generator

    from gateway.execution.documents import Documents
    from gateway.execution.persisted import PersistedDocuments
    from gateway.execution.plan import Plan
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.hooks import Hooks

__all__ = ["Measured", "Preparation"]

MUTATION_BY_GET: Final = "mutations are not run by GET; send this operation by POST"
READS_ONLY: Final = "this gateway only reads (GATEWAY_MUTATIONS=false)"
NOT_PREPARED: Final = (
    "the operation could not be prepared in time: its document is new, and the gateway is busy with"
    " others; send it again"
)

AnyDocument: TypeAlias = "Document | FilledDocument"
Making: TypeAlias = "Generator[None, None, AnyDocument] | Generator[None, None, Plan]"
Steps: TypeAlias = "Making | UnknownDocument"


class Measured(NamedTuple):
    """What an operation may take where that is not enforced, but recorded."""

    calls: int
    nodes: int
    plan_fields: int
    read_bytes: int

    def tell(self, calls: int, nodes: int, plan_fields: int, hooks: Hooks | None = None) -> None:
        """Record what an operation has more."""
        figures = (
            (calls, self.calls, "upstream calls at worst", "GATEWAY_MAX_CALLS"),
            (nodes, self.nodes, "fields of its response", "GATEWAY_MAX_RESPONSE_NODES"),
            (plan_fields, self.plan_fields, "fields of its plan", "GATEWAY_MAX_PLAN_FIELDS"),
        )
        for figure, allowed, of_what, setting in figures:
            _tell(figure, allowed, of_what, setting, hooks)

    def tell_read(self, read_bytes: int, hooks: Hooks | None = None) -> None:
        """Record what one has read more."""
        limit = self.read_bytes
        _tell(read_bytes, limit, "bytes read of the upstream", "GATEWAY_MAX_READ_BYTES", hooks)


def _tell(figure: int, allowed: int, of_what: str, setting: str, hooks: Hooks | None) -> None:
    if figure > allowed:
        excess = f"an operation has {figure} {of_what}, {allowed} allowed ({setting})"
        tell_measured(excess, hooks)


class Preparation:
    """Prepares operations. Refuses those that may need more than `max_calls` upstream calls, or
    whose response may have more than `max_nodes` fields; the operations of a batch together. One
    that `reads_only` refuses mutations.
    """

    def __init__(
        self,
        documents: Documents,
        persisted: PersistedDocuments,
        *,
        max_calls: int,
        max_nodes: int,
        max_list_rows: int,
        measured: Measured | None = None,
        hooks: Hooks | None = None,
        reads_only: bool = False,
    ) -> None:
        self._documents = documents
        self._persisted = persisted
        self._max_calls = max_calls
        self._max_nodes = max_nodes
        self._max_list_rows = max_list_rows
        self._measured = measured
        self._hooks = hooks
        self._reads_only = reads_only
        self._free = persisted.free
        self._shares = Shares()
        # The texts for which steps are being taken, each with what ends when they have been.
        self._under_way: dict[str, asyncio.Future[None]] = {}

    def find(
        self,
        request: GraphQLRequest,
        caller: Caller,
        document: AnyDocument | None = None,
        *,
        ceiling: int | None = None,
    ) -> Prepared | Steps:
        """The operation that a request asks for, with its plan; or, where its document or its plan
        is not known, the steps that make it. Raises `RequestError`, for what may need more calls
        than the `ceiling`, too.
        """
        try:
            operation = self._operation(request, document, is_read_only=caller.carrier.is_read_only)
        except UnknownDocument as unknown:
            return unknown.with_traceback(None)
        if not isinstance(operation, Operation):
            return operation
        limits = self._documents.limits
        if request.variables and (excess := check_variables(request.variables, limits)):
            raise RequestError("BAD_USER_INPUT", errors=[GraphQLError(excess)], operation=operation)
        variables = operation.constants
        if operation.node.variable_definitions:
            converted = operation.variables(request.variables)
            if isinstance(converted, list):
                if self._documents.introspection:
                    for error in converted:
                        tell_way(error)
                raise RequestError("BAD_USER_INPUT", errors=converted, operation=operation)
            variables = converted
        # As `find_plan`, without calling it.
        plan = operation.only_plan or operation.find_plan(variables)
        if plan is None:
            return operation.planning(variables)
        known = operation.forecast
        estimate, size = known or forecast(operation, plan, variables, self._max_list_rows)
        prepared = Prepared(operation, plan, variables, estimate, size)
        self.admit(prepared, request, caller, ceiling)
        return prepared

    def admit(
        self,
        prepared: Prepared,
        request: GraphQLRequest,
        caller: Caller,
        ceiling: int | None = None,
    ) -> None:
        """Refuse what may take too much, together with what its batch takes already; raises
        `RequestError`.
        """
        estimate, size = prepared.estimate, prepared.size
        calls, nodes = caller.estimated_calls + estimate.calls, caller.estimated_nodes + size.nodes
        if self._measured is not None:
            self._measured.tell(calls, nodes, prepared.plan.fields, self._hooks)
            self._tell_variables(request)
        at_most = ceiling or self._max_calls
        if calls > at_most:
            error = too_dear(estimate, at_most, calls - estimate.calls)
            raise RequestError("COST_EXCEEDED", errors=[error], operation=prepared.operation)
        if nodes > self._max_nodes:
            error = too_full(prepared.plan, estimate, nodes, self._max_nodes)
            raise RequestError("RESPONSE_TOO_LARGE", errors=[error], operation=prepared.operation)
        caller.estimated_calls, caller.estimated_nodes = calls, nodes

    def _tell_variables(self, request: GraphQLRequest) -> None:
        measured = self._documents.measured
        if measured is not None and request.variables:
            excess = check_variables(request.variables, measured)
            if excess is not None:
                tell_measured(excess, self._hooks)

    async def operation(self, request: GraphQLRequest, caller: Caller, account: str) -> Operation:
        """The operation that a request asks for, prepared as far as its document; raises
        `RequestError`.
        """
        document = None
        found: Operation | Steps
        while True:
            try:
                found = self._operation(request, document, is_read_only=False)
            except UnknownDocument as unknown:
                found = unknown.with_traceback(None)
            if isinstance(found, Operation):
                return found
            made = await self._made(found, request, caller, account)
            if isinstance(made, Document | FilledDocument):
                document = made

    async def take(
        self,
        steps: Steps,
        request: GraphQLRequest,
        caller: Caller,
        account: str,
        *,
        ceiling: int | None = None,
    ) -> Prepared:
        """Prepare what is not known, in turns with all others who do, each account the same; raises
        `RequestError`, for one thing when the caller's deadline has passed.

        Who asks for a document while steps for it are taken for somebody else waits for these.
        """
        await own_task()
        document = None
        while True:
            made = await self._made(steps, request, caller, account)
            if isinstance(made, Document | FilledDocument):
                document = made
            # Cost and size of a large plan are worked out in one go.
            await asyncio.sleep(0)
            found = self.find(request, caller, document, ceiling=ceiling)
            if isinstance(found, Prepared):
                return found
            steps = found

    async def _made(
        self, steps: Steps, request: GraphQLRequest, caller: Caller, account: str
    ) -> object:
        """What the steps make, or None where they are taken for somebody else; for a document that
        another gateway may know, None once the request has its text.
        """
        if isinstance(steps, UnknownDocument):
            request.query = await self._persisted.found_elsewhere(steps)
            request.document_id = None
            return None
        text = request.query or ""
        try:
            if text not in self._under_way:
                return await self._make(steps, text, caller, account)
            async with asyncio.timeout_at(caller.deadline):
                await asyncio.shield(self._under_way[text])
        except GraphQLError as error:
            raise RequestError("GRAPHQL_VALIDATION_FAILED", errors=[error]) from None
        except TimeoutError:
            raise RequestError(DeadlineExceeded.code, NOT_PREPARED, kind="stopped") from None
        return None

    async def _make(self, steps: Making, text: str, caller: Caller, account: str) -> object:
        """Take the steps for a document; others may wait for them."""
        done = self._under_way[text] = asyncio.get_running_loop().create_future()
        try:
            return await self._shares.run(account, steps, caller.deadline)
        finally:
            del self._under_way[text]
            done.set_result(None)

    def _operation(
        self, request: GraphQLRequest, document: AnyDocument | None, *, is_read_only: bool
    ) -> Operation | Making:
        """The operation that a request asks for, by text, by id or by hash; or the steps that make
        its document. Raises `RequestError`, such as `UnknownDocument`.
        """
        persisted = request.extensions and request.extensions.get("persistedQuery")
        if persisted or request.document_id is not None:
            self._find_text(request, persisted)
        if request.query is None:
            raise RequestError("BAD_REQUEST", "the parameter query is missing", kind="malformed")
        if document is None:
            document = self._documents.find(request.query)
        if self._free is not None and (document is None or document.trusted is None):
            self._free.refuse()
        if document is None:
            return self._documents.making(request.query)
        if document.errors:
            raise RequestError("GRAPHQL_VALIDATION_FAILED", errors=document.errors)
        try:
            name = request.operation_name
            operation = document.asked.get(name) or document.operation(name)
        except GraphQLError as error:
            raise RequestError("OPERATION_RESOLUTION_FAILURE", errors=[error]) from None
        if document.trusted is None and (persisted or self._free is not None):
            self._note_free(request.query, operation, is_persisted=bool(persisted))
        if operation.type == "mutation":
            self._check_mutation(operation, is_read_only=is_read_only)
        return operation

    def _find_text(self, request: GraphQLRequest, persisted: Any) -> None:
        """Put the document that an id or a hash names into its place; raises `RequestError`."""
        if request.document_id is not None:
            request.query = self._persisted.find_by_id(request.query, request.document_id)
            # Once: what has the id may be another document a moment later.
            request.document_id = None
        if persisted:
            request.query = self._persisted.find(request.query, persisted)

    def _note_free(self, text: str, operation: Operation, *, is_persisted: bool) -> None:
        """Note a document that is valid and not trusted."""
        if is_persisted:
            self._persisted.keep(text)
        if self._free is not None:
            self._free.report(text, operation)

    def _check_mutation(self, operation: Operation, *, is_read_only: bool) -> None:
        if self._reads_only:
            raise RequestError("READ_ONLY", errors=[GraphQLError(READS_ONLY)], operation=operation)
        if is_read_only:
            raise RequestError(
                "BAD_REQUEST",
                errors=[GraphQLError(MUTATION_BY_GET)],
                kind="read only",
                operation=operation,
            )
