"""Execution: from the text of a document to data and errors, over the schema.

Start at `engine.py`, the way of a request. `plan.py` is what an operation becomes, and says which
modules build it, complete it and use it.
"""
