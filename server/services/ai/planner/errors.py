"""Errors of the planner, and whether a failed answer counts against the quota."""

from server.errors import FailedPrecondition, GymlockerError, Unavailable


def not_configured() -> FailedPrecondition:
    """Return the error of a server without a language model."""
    return FailedPrecondition(
        "This server has no language model. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a model of "
        "your own.",
        reason="PLANNER_NOT_CONFIGURED",
    )


def overloaded() -> Unavailable:
    """Return the error for too many answers in flight."""
    return Unavailable("Too many plans are being made. Try again in a moment.", reason="OVERLOADED")


def model_unavailable() -> Unavailable:
    """Return the error for a model that sent nothing."""
    return Unavailable(
        "The language model is unreachable. Try again later.", reason="MODEL_UNAVAILABLE"
    )


def model_failed() -> Unavailable:
    """Return the error for an answer of the model that is not usable."""
    return Unavailable(
        "The language model returned no usable answer. Try again.", reason="MODEL_FAILED"
    )


def is_refundable(error: GymlockerError) -> bool:
    """Check whether an error means that the model did no work, so that the call costs nothing."""
    return error.reason in ("MODEL_UNAVAILABLE", "OVERLOADED", "PLANNER_NOT_CONFIGURED")
