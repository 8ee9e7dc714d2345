"""Execution: documents, limits, cost, projection plans and masking, over the schema. Start at
`engine.py`.
"""
