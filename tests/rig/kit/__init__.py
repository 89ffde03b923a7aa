"""The rig's own code. Standard library only: it runs before anything of ours is installed."""
