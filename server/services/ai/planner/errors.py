"""What is said when the model does not do its work, and whether that should cost anything."""

from server.errors import FailedPrecondition, GymlockerError, Unavailable


def not_configured() -> FailedPrecondition:
    """The error of a server that has no model."""
    return FailedPrecondition(
        "This server has no language model. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a model of "
        "your own.",
        reason="PLANNER_NOT_CONFIGURED",
    )


def overloaded() -> Unavailable:
    """The error if there is no place for one more answer."""
    return Unavailable("Too many plans are being made. Try again in a moment.", reason="OVERLOADED")


def out_of_reach() -> Unavailable:
    """The error if nothing came from the model."""
    return Unavailable(
        "The language model is out of reach. Try again later.", reason="MODEL_UNAVAILABLE"
    )


def model_failed() -> Unavailable:
    """The error if what came from the model was no good."""
    return Unavailable(
        "The language model gave no usable answer. Try again.", reason="MODEL_FAILED"
    )


def nothing_came(error: GymlockerError) -> bool:
    """Whether an error of the planner means that the model did nothing: it should cost nothing."""
    return error.reason in ("MODEL_UNAVAILABLE", "OVERLOADED", "PLANNER_NOT_CONFIGURED")
