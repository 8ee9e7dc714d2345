"""One operation's view of the client: every key on its own, reads folded into lists.

flight   a value on its way to all who wait for it, and loaders, which give one for each key
jobs     single jobs, read off list pages where that takes fewer calls
items    bridges, pipelines, commits, artifacts, projects
logs     all that is asked of a job's log, by one call
seen     what was read already
"""
