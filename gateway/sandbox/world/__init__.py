"""What the sandbox holds: the rows of a world in SQLite, and how a world is made from little.

`rows` are the tables' rows, `tables` keeps them, `store` answers the queries that the API needs.
`builder` makes rows with sensible columns; `file` reads a whole world from a file. Nothing here
knows HTTP, and nothing here moves by itself.
"""
