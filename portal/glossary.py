"""The words that pages use without explaining them, in plain English."""

from dataclasses import dataclass

from django.utils.text import slugify


@dataclass(frozen=True)
class Term:
    """`long` is what an abbreviation stands for."""

    word: str
    meaning: str
    long: str = ""

    @property
    def anchor(self) -> str:
        return slugify(self.word)


CAPACITY = (
    Term(
        "TPM",
        "How fast a deployment may work: the tokens of questions and answers together, in one "
        "minute. What comes above it is refused (429) until the minute has passed.",
        "tokens per minute",
    ),
    Term(
        "RPM",
        "The same for calls. Azure gives each unit of capacity both limits, and whichever is "
        "reached first refuses.",
        "requests per minute",
    ),
    Term(
        "PTU",
        "Capacity that is reserved and paid by the hour, used or not. Its tokens cost nothing "
        "more. How many tokens one PTU serves differs by model.",
        "provisioned throughput unit",
    ),
    Term(
        "Token",
        "The piece of text that a model reads and writes; in English about four letters.",
    ),
    Term(
        "Units",
        "The whole numbers in which Azure gives capacity, and in which Headroom keeps its books. "
        "How many TPM one unit gives differs by model and version, so Headroom asks Azure.",
    ),
    Term(
        "Pool",
        "One quota bucket of a subscription: for one model and kind of deployment, in a region or "
        "everywhere. All deployments that it feeds share its limit.",
    ),
    Term(
        "Deployment",
        "A model that has been set up in an Azure account, with a capacity of its own. A service "
        "calls it; a pool feeds it.",
    ),
    Term(
        "Reserve",
        "The part of a pool that nobody is granted in normal times, kept for emergencies.",
    ),
    Term("Limit", "The most that Azure lets a pool give. Azure moves it by itself at times."),
    Term(
        "Headroom",
        "Held minus used. Idle PTUs are real invoice money; idle TPM costs nothing, but nobody "
        "else can have it.",
    ),
    Term(
        "Spillover",
        "What a provisioned deployment cannot serve goes to a second one that is paid by token.",
    ),
)
REQUESTS = (
    Term(
        "Service",
        "What uses capacity: an application with an owner, a deputy, a purpose, and a team that "
        "pays.",
    ),
    Term("Baseline", "What a service holds for its normal demand. It has no end."),
    Term(
        "Burst",
        "More than the baseline for a known time: a launch, a demo, a migration, a month-end. It "
        "starts and ends by itself.",
    ),
    Term(
        "Lead",
        "How long before its start a burst is set aside and sent to Azure, because Azure may take "
        "up to a quarter of an hour.",
    ),
    Term(
        "Give back",
        "To end a burst early. It is always granted, and the capacity is free for others at once.",
    ),
    Term(
        "Ledger",
        "The book of who holds how much, from when until when. Nothing in it is ever changed; a "
        "correction is another entry.",
    ),
    Term(
        "Policy",
        "The rules by which a request is approved at once. What they do not cover goes to a "
        "person, who sees which rule said no.",
    ),
    Term(
        "Gone",
        "Somebody who was deactivated, or was not seen for long (90 days, unless your operator "
        "says otherwise). Their deputy acts, and nobody can choose them.",
    ),
    Term(
        "Sandbox",
        "A few units of a model for one person's experiment: granted at once, for 30 days, kept "
        "for longer with one click. More than that is a service.",
    ),
    Term("Evidence", "What was known about your use and the pool when a request was judged."),
    Term(
        "429",
        "Azure's answer to a call for which the capacity is used up: try again later. A few are "
        "normal; many in one minute are not.",
        "too many requests",
    ),
)
APPLYING = (
    Term(
        "Approved, applied, verified",
        "Three separate facts: somebody said yes; Azure took the change; Headroom read it back and "
        "it is there.",
    ),
    Term(
        "Adopted",
        "What a deployment already had when Headroom first saw it. It is entered in the ledger as "
        "it is, so nothing changes on the first day.",
    ),
    Term(
        "Unmapped",
        "A deployment of which nobody has said yet which service it belongs to. Its cost has no "
        "owner.",
    ),
    Term(
        "Observe-only",
        "How every pool begins: Headroom plans and shows changes, and writes nothing to Azure "
        "until an owner of the pool turns applying on.",
    ),
    Term(
        "Drift",
        "Somebody changed a capacity outside Headroom. It asks whether to keep that or to write "
        "back its own; it never overwrites silently.",
    ),
    Term("Change", "One write of a new capacity to one deployment, and how far it has come."),
)
COST = (
    Term("Showback", "Showing each team what it used and held and what that cost. No invoice."),
    Term("Estimated (≈)", "Worked out from metrics and prices, before any bill has said the same."),
    Term(
        "Incomplete",
        "Not every minute has arrived. A gap is a gap, never a nought, so a sum may still grow.",
    ),
    Term(
        "Unpriced",
        "Use for which no price is known. It is listed as such and never counts as nothing.",
    ),
    Term(
        "Cached input",
        "Tokens of a question that the model had read just before, at a lower price. Azure tells "
        "a rate, not a count; so it is estimated.",
    ),
    Term("Unattributed", "Use that could not be given to any service."),
    Term("Unallocated", "PTUs that are paid and that nobody holds. It is the platform's own cost."),
    Term("p95", "Of a hundred minutes the five busiest lie above it.", "95th percentile"),
)
GROUPS: tuple[tuple[str, tuple[Term, ...]], ...] = (
    ("Capacity", CAPACITY),
    ("Asking for more", REQUESTS),
    ("What happens in Azure", APPLYING),
    ("Use and cost", COST),
)
