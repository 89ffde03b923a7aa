"""One question before something is changed."""

from __future__ import annotations

from memdeploy.errors import AnswerNeeded
from memdeploy.lifecycle.request import Request


def agreed(request: Request, question: str, *, needed: str, suggestion: str) -> bool:
    """Raises `AnswerNeeded` (`needed` and `suggestion` are its words) when nobody is there who could answer."""
    if request.yes:
        return True
    if not request.interactive or request.confirm is None:
        raise AnswerNeeded(needed, suggestion=suggestion)
    return request.confirm(question)
