"""The step runner. Knows no cloud, no MemMachine, no screen, no storage."""
