"""What is measured of a deployment, slot by slot, and which family of metrics it was read from."""

MISSING = -1  # in every array: the source sent no value for this slot

# The measures of a series, and the Azure metric each is made of.
MEASURES = (
    "ok",  # requests answered 2xx and not spilled
    "throttled",  # requests answered 429
    "other",  # every other status
    "spilled",  # requests with IsSpillover true, served by this deployment for another
    "prompt",  # prompt tokens of served requests
    "generated",  # generated tokens of served requests
    "cache_percent",  # cache match rate 0…100, rounded
    "utilisation_percent",  # provisioned utilisation 0…, rounded; MISSING for pay-as-you-go
    "priority",  # those of ok and spilled that Azure served in tier priority; MISSING for none
    "active",  # tokens less cached ones, of provisioned deployments; MISSING for the others
)

# Bits: Azure counts in two families of metrics. Models of other publishers have the newer alone.
OLDER, NEWER = 1, 2
OPENAI = "openai"  # the format (publisher), in lower case, of models that the older family covers


def family_expected(model_format: str) -> int:
    """The family in which a deployment is counted, as long as no metric has named it."""
    return OLDER if model_format.lower() in ("", OPENAI) else NEWER
