"""Typer commands, one file each: parse, call `lifecycle`, render with `report`. No cloud SDK, no logic."""
