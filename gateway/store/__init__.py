"""The shared store: what several gateways have in common, in Redis or Valkey (architecture.md).

servers       one server or a cluster, by redis-py
reasons       why it cannot be used, and what to do
channels      what is published reaches all that listen
connection    commands that end within a few ms, or the store counts as away until it is back
patience      how long one of them is waited for
outcomes      what becomes of them
script        what the store runs as one command
sealing       whoever reads the store reads nothing
kept          reads that are kept
documents     persisted documents
allowances    one pace for each credential, whichever replica its callers ask
replicas      how many there are
leases        one poller for what is watched, and what it has read
examination   what the doctor finds of it
trials        all that gateways do with it, tried one by one
"""
