"""The shared store: what several gateways have in common, in Redis or Valkey (architecture.md).

servers       one server or a cluster, by redis-py
channels      what is published reaches all that listen
allowances    one pace for each credential, whichever replica its callers ask
replicas      how many there are
connection    commands that end within a few ms, or the store counts as away until it is back
"""
