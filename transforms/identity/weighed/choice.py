"""What makes records one in a deployment, as its settings say."""

from pathlib import Path

from transforms.identity.partition import Matching, exact
from transforms.identity.weighed.evidence import weighing
from transforms.identity.weighed.weights import SHIPPED, Model, read_model
from transforms.settings import Settings


def model_of(settings: Settings) -> Model | None:
    """The model that records are weighed under; None where exact identifiers alone count.

    ConfigurationError where it is a file that holds none.
    """
    if settings.identity_model == "exact":
        return None
    if settings.identity_model == "shipped":
        return SHIPPED
    return read_model(Path(settings.identity_model))


def matching_of(settings: Settings) -> Matching:
    """What the layers of identity go by; a model that is read is frozen from then on."""
    model = model_of(settings)
    return exact(settings) if model is None else weighing(settings, model)
