"""`jobs-gateway watch URL`: a job or a pipeline as it goes, in a terminal or as plain lines.

    command    options, the credential, a gateway of this process where none is named
    watching   follows the subject and the logs beside it, and tells a view
    table, plain       the views: a live table, lines
    following  a subscription over connections that break
    connection one subscription over one WebSocket
    progress, subject, operations      what is watched, and how it is asked for

It is a client of a gateway as any other: but for `command`, which may start one, nothing in here
imports anything of the rest.
"""
