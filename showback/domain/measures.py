"""What is measured of a deployment, slot by slot, and what each measure is made of."""

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
)
