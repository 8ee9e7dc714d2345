"""HTTP: GraphQL over HTTP, the explorer, health; records of the requests."""
