"""The version of this package, and of nothing else."""

# The build reads it, by a pattern that knows no annotation but `str`.
__version__ = "0.2.0"
