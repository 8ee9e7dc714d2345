"""What tests of several rooms run the gateway with.

`over` makes its inner parts over a served sandbox, `app` the whole of it, `command` a process of
its own, `browser` a browser beside it. `stretches` measures how long it holds the loop, `turns`
lets the loop turn. What else stands in for something stands beside its only users: a client that
answers from memory (loaders), a scripted wire and server (upstream), a scripted engine (transport),
made-up contexts (schema, execution).
"""
