"""What the engine's SDK and the file system raise, as what it means."""

from __future__ import annotations

import errno

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.secret import heard

_BY_STATUS = {
    400: ErrorKind.INVALID, 401: ErrorKind.UNAUTHENTICATED, 403: ErrorKind.PERMISSION, 404: ErrorKind.NOT_FOUND,
    409: ErrorKind.CONFLICT, 500: ErrorKind.UNKNOWN, 503: ErrorKind.UNAVAILABLE,
}  # fmt: skip
_BY_ERRNO = {
    errno.EACCES: ErrorKind.PERMISSION, errno.EPERM: ErrorKind.PERMISSION, errno.ENOENT: ErrorKind.NOT_FOUND,
    errno.EEXIST: ErrorKind.CONFLICT, errno.ENOSPC: ErrorKind.QUOTA, errno.EDQUOT: ErrorKind.QUOTA,
    errno.EROFS: ErrorKind.PERMISSION,
}  # fmt: skip
FULL = "Make room on the disk, then run the same command again."


def classify(error: Exception) -> CloudError | None:
    """None when it is none of this provider's."""
    if isinstance(error, CloudError):
        return error
    return _of_engine(error) or _of_files(error)


def _of_engine(error: Exception) -> CloudError | None:
    import requests
    from docker.errors import APIError, DockerException, ImageNotFound

    if isinstance(error, ImageNotFound):
        return CloudError(_text(error), kind=ErrorKind.NOT_FOUND, service="engine", status=404)
    if isinstance(error, APIError):
        status = error.response.status_code if error.response is not None else None
        full = "no space left on device" in str(error)
        kind = ErrorKind.QUOTA if full else _BY_STATUS.get(status or 0, ErrorKind.UNKNOWN)
        return CloudError(_text(error), kind=kind, service="engine", status=status, suggestion=FULL if full else None)
    if isinstance(error, requests.RequestException):
        return CloudError(
            f"the container engine gave no answer ({type(error).__name__})", kind=ErrorKind.NETWORK, service="engine"
        )
    return (
        CloudError(_text(error), kind=ErrorKind.UNKNOWN, service="engine")
        if isinstance(error, DockerException)
        else None
    )


def _text(error: Exception) -> str:
    """The engine may repeat what it was sent: an environment with its secrets."""
    return heard(str(getattr(error, "explanation", None) or error))


def _of_files(error: Exception) -> CloudError | None:
    if not isinstance(error, OSError):
        return None
    kind = _BY_ERRNO.get(error.errno or 0, ErrorKind.UNKNOWN)
    place = f"{error.filename}: " if error.filename else ""
    return CloudError(
        f"{place}{error.strerror or error}", kind=kind, service="files",
        suggestion=FULL if kind is ErrorKind.QUOTA else None,
    )  # fmt: skip
