"""What goes wrong in one run, as a line of text that anybody can give back: `503=0.05,lost=0.1,seed=7 lease=31`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, strategies

KINDS = ("429", "500", "503", "reset", "lost", "slow", "fail", "unseen")
MOST = 0.3
"""Of all requests, by all kinds together."""
AGAIN = "MEMDEPLOY_TEST_FAULTS"
BASE = "MEMDEPLOY_TEST_SEED"


@dataclass(frozen=True)
class Scenario:
    """`rates`: kind -> share of requests. `lease`: lost when so many changes were asked for. `expires`: credentials are
    good for so many requests. `backups`: `destroy` makes its final ones."""

    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    lease: int | None = None
    expires: int | None = None
    backups: bool = False

    def faults(self, run: int = 0) -> str:
        """For the rehearsal; each run of a command has dice of its own."""
        rates = [f"{kind}={rate}" for kind, rate in self.rates.items()]
        return ",".join([*rates, f"seed={self.seed * 100 + run}"])

    def __str__(self) -> str:
        rates = [f"{kind}={rate}" for kind, rate in self.rates.items()]
        words = [",".join([*rates, f"seed={self.seed}"])]
        words += [f"{name}={value}" for name in ("lease", "expires") if (value := getattr(self, name)) is not None]
        return " ".join([*words, "backups"] if self.backups else words)


def parse(text: str) -> Scenario:
    """The other way round."""
    faults, *words = text.split()
    rates = dict(part.split("=") for part in faults.split(","))
    seed = int(rates.pop("seed", "0"))
    given = dict(word.split("=") for word in words if "=" in word)
    numbers: Any = {name: int(value) for name, value in given.items()}
    return Scenario({kind: float(rate) for kind, rate in rates.items()}, seed, **numbers, backups="backups" in words)


def scenarios(block: int) -> strategies.SearchStrategy[Scenario]:
    """`block` keeps the dice of blocks apart, which Hypothesis all begins with the simplest example."""
    rates = strategies.lists(strategies.sampled_from(KINDS), min_size=1, max_size=len(KINDS), unique=True).flatmap(
        lambda kinds: strategies.lists(strategies.integers(1, 100), min_size=len(kinds), max_size=len(kinds)).flatmap(
            lambda weights: strategies.integers(2, 30).map(lambda percent: _shares(kinds, weights, percent))
        )
    )
    return strategies.builds(
        Scenario,
        rates=rates,
        seed=strategies.integers(0, 9999).map(lambda drawn: block * 10_000 + drawn),
        lease=_sometimes(1, 60),
        expires=_sometimes(1, 260),
        backups=strategies.booleans(),
    )


def _shares(kinds: list[str], weights: list[int], percent: int) -> dict[str, float]:
    return {kind: round(percent / 100 * weight / sum(weights), 4) for kind, weight in zip(kinds, weights, strict=True)}


def _sometimes(least: int, most: int) -> strategies.SearchStrategy[int | None]:
    """Two times out of three it does not happen."""
    return strategies.sampled_from(range(3)).flatmap(
        lambda third: strategies.integers(least, most) if third == 2 else strategies.none()
    )


def run_block(block: int, examples: int, where: str, run: Callable[[Scenario], object]) -> None:
    """Runs `examples` scenarios. They come of the seed in MEMDEPLOY_TEST_SEED and the block's number; a failure tells
    the command that runs it alone: with its line in MEMDEPLOY_TEST_FAULTS."""
    line = os.environ.get(AGAIN)
    if line:
        run(parse(line))
        return
    settings = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )

    def one(scenario: Scenario) -> None:
        hypothesis.note(f"again: {again(scenario, where)}")
        run(scenario)

    given = hypothesis.given(scenarios(block))(one)
    hypothesis.seed(base_seed() * 1000 + block)(settings(given))()


def base_seed() -> int:
    return int(os.environ.get(BASE, "1"))


def again(scenario: Scenario, where: str) -> str:
    return f"{AGAIN}={shlex.quote(str(scenario))} .venv/bin/python -m pytest {where}"
