"""The graph: Strawberry types over the upstream's entities, thin, without I/O of their own."""

from gateway.schema.bridge import Bridge
from gateway.schema.mutation import Mutation
from gateway.schema.node import ENTITY_TYPES
from gateway.schema.query import Query
from gateway.schema.scalars import SCALARS
from gateway.schema.subscription import Subscription

__all__ = ["ENTITY_TYPES", "SCALARS", "Bridge", "Mutation", "Query", "Subscription"]
