"""The only doors to third-party engines; every door takes and gives N-Triples terms."""
