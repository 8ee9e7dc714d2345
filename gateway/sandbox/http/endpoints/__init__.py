"""The endpoints: one function each, from a `Call` to an `Answer`."""
