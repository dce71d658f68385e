"""Golden records as tests: every version's records read by every later version."""
