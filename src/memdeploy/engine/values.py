"""Values that go from step to step: plain JSON, in which references stand for what another step will give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.engine.step import Ref, Unknown

Known = Mapping[str, Mapping[str, Any] | None]
"""Step -> its outputs; None (or no entry) while they are not known."""


def resolve(value: Any, known: Known) -> Any:
    """The value with every `Ref`, however deep, replaced by the output it names, or by `Unknown`."""
    if isinstance(value, Ref):
        return _output(value, known.get(value.step))
    if isinstance(value, Mapping):
        return {key: resolve(item, known) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [resolve(item, known) for item in value]
    return value


def plain(value: Any, where: str = "value") -> Any:
    """The value as JSON gives it back: dicts, lists, text, numbers. `TypeError` names the place (and never the value)
    of anything else, so that neither an SDK's object nor a `Secret` gets into the journal."""
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"{where} is a {type(value).__name__}, which is not plain JSON")


def _output(ref: Ref, outputs: Mapping[str, Any] | None) -> Any:
    if outputs is None or ref.output not in outputs:
        return Unknown(ref.step, ref.output)
    return outputs[ref.output]


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where} has a key that is a {type(key).__name__}, not text")
    return str(key)
