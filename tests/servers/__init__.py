"""Real mail servers, each with its own directory and ports, for tests that need the real thing."""
