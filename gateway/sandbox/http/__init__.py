"""What the sandbox serves: the Jobs API over one world, and the admin endpoint beside it.

`app` takes a request's bytes, `routes` finds its endpoint, and the endpoint asks a `call` for the
caller, the project and the checked parameters. `bodies` makes JSON of rows. `faults` spoil answers
on demand.
"""
