"""A GraphQL gateway over GitLab's Jobs API."""

__version__ = "0.1.0"
