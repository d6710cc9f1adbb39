"""What helps against refusals of each cause: words for the people who write the client."""

from showback.domain.throttling import Cause, Verdict

BACKOFF = "Wait as long as retry-after-ms says before you try again; never try again at once."
QUEUE = "Put work that nobody waits for into a queue, or use batch."
ADVICE: dict[Cause, tuple[str, ...]] = {
    Cause.TOKENS: (
        BACKOFF,
        "Keep the part of the prompt that never changes at its beginning, and send less of the "
        "rest: shorter prompts leave room for more of them.",
        QUEUE,
        "Let a smaller or a second model answer when this one stays full.",
    ),
    Cause.REQUESTS: (
        BACKOFF,
        "Put several small questions into one request; requests are limited, tokens were left.",
        "Keep answers that are asked for again and again in a cache of your own.",
        QUEUE,
    ),
    Cause.REQUEST_SLICES: (
        "Spread requests evenly: the limit per minute is checked over slices of 1 or 10 seconds.",
        "Start jobs at random seconds rather than on the full minute.",
        BACKOFF,
    ),
    Cause.PTU_FULL: (
        "Name a spill-over deployment: what does not fit is then served as pay-as-you-go.",
        "Send nothing again before retry-after-ms has passed; it says when utilisation falls "
        "below 100 %.",
        "Cached prompt tokens take no room: keep the unchanging part at the beginning.",
        QUEUE,
    ),
    Cause.NEIGHBOUR: (
        "Ask the platform owners for a deployment of your own, or for a limit for each caller at "
        "the gateway.",
        BACKOFF,
    ),
    Cause.GATEWAY_LIMIT: (
        "Azure had room: ask the platform owners to raise the gateway’s limit for you.",
        BACKOFF,
    ),
    Cause.LIMIT_LOWERED: (
        "More units hardly help while Azure grants less than it states: fall back to another "
        "model or region, and tell Azure’s support the times.",
        "Watch x-ratelimit-limit-tokens in the answers: it tells the limit that really holds.",
        BACKOFF,
    ),
    Cause.CANNOT_TELL: (
        BACKOFF,
        "Have calls go through a gateway that logs who calls: then causes can be told.",
    ),
}
MAX_TOKENS = "Set max_tokens to what answers need: all of it counts when a request arrives."


def advice_for(verdict: Verdict | None) -> list[str]:
    """For the incident that weighs most; without one, what always helps."""
    if verdict is None:
        return [BACKOFF, MAX_TOKENS, QUEUE]
    found = list(ADVICE[verdict.cause])
    return [MAX_TOKENS, *found] if verdict.counts_max_tokens else found
