"""What whole-product tests stand on: a served rehearsal and the real command line, both as processes."""
