import threading

from memdeploy.rehearsal.backing.images import Background


def test_work_is_started_once_and_told_as_done() -> None:
    background, go, ran = Background(), threading.Event(), []

    def work() -> None:
        go.wait(5)
        ran.append(1)

    first = background.progress("x", lambda: bool(ran), work)
    second = background.progress("x", lambda: bool(ran), work)
    thread = background._running["x"]
    go.set()
    thread.join(5)
    assert (first.done, second.done, ran) == (False, False, [1])
    assert background.progress("x", lambda: bool(ran), work).done


def test_a_failure_is_told_once_and_then_tried_again() -> None:
    background, calls = Background(), []

    def work() -> None:
        calls.append(1)
        raise OSError("no route")

    def look() -> tuple[bool, str | None]:
        progress = background.progress("x", lambda: False, work)
        for thread in list(background._running.values()):
            thread.join(5)
        return progress.done, progress.error

    assert [look(), look(), look()] == [(False, None), (True, "x: no route"), (False, None)]
    assert len(calls) == 2
