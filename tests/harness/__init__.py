"""What tests of several rooms run the gateway with: over a sandbox, or without an upstream."""
