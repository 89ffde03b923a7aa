"""One package per place a deployment can live in."""
