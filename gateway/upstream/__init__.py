"""The Jobs API client: entities, paging, errors, retry and logs. Knows no GraphQL; usable alone, as
`client` shows.

    client ─ one method for each endpoint
      calls ─ what may happen to a call: retries, redirects, pace, circuit, lost writes
        wires ─ HTTP: `http1` by ourselves, `httpx` to compare with
      reading ─ bytes to entities                 paging ─ windows over the client's lists
"""
