"""memdeploy: deploys MemMachine into a cloud account and looks after it."""

__version__ = "0.1.0"
