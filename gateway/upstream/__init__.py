"""The Jobs API client: entities, paging, errors, retry and logs. Knows no GraphQL; usable alone.

async with open_wire("http1", WireOptions("https://gitlab.example.com")) as wire:
    client = Client(wire, ClientConfig(url="https://gitlab.example.com/api/v4"))
    scope = CallScope(Credential("PRIVATE-TOKEN", token), deadline=loop.time() + 10)
    job = await client.job(scope, "group/project", 42)
"""
