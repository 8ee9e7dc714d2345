"""Three replicas over one store and one upstream, under load and in trouble: see `__main__`."""
