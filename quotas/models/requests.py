"""Requests: who asks for what, over which window, and where its review stands."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from portal.kernel.windows import FOREVER, Window
from quotas.domain.stages import Stage, stages_from_json
from quotas.domain.states import TERMINAL_REQUEST_STATES, RequestState
from quotas.models.catalogue import Service
from quotas.models.inventory import Deployment
from quotas.querysets import RequestQuerySet


class CapacityRequest(models.Model):
    """Asks for `units` on top of what one deployment holds, over `[starts_at, ends_at)`.

    | kind | units | window | beside |
    |---|---|---|---|
    | burst | more, for a known event | bounded | |
    | baseline | signed: a lasting change | no end (None) | |
    | extension | the grant's own, longer | from the parent's end | `parent` |
    | give back | less: always granted | to the end of what is held | `parent` for a grant's |
    | transfer | what moves | with or without an end | `to_deployment`, `to_service` |
    | sandbox | few, on a deployment open for them | 30 days at most | `parent` where kept longer |

    A draft is kept for its writer alone; nothing of it is checked but that it can be kept.
    """

    class Kind(models.TextChoices):
        BURST = "burst", "Burst"
        BASELINE = "baseline", "Baseline"
        EXTENSION = "extension", "Extension"
        GIVE_BACK = "give_back", "Give-back"
        TRANSFER = "transfer", "Transfer"
        SANDBOX = "sandbox", "Sandbox"

    class Occasion(models.TextChoices):
        EXECUTIVE_DEMO = "executive_demo", "Executive demo"
        MIGRATION = "migration", "Migration wave"
        TRAINING = "training", "Training"
        ONBOARDING = "onboarding", "Newly onboarded business unit"
        LAUNCH = "launch", "Launch"
        INCIDENT = "incident", "Incident"
        MONTH_END = "month_end", "Month-end"
        OTHER = "other", "Something else"

    State = RequestState

    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BURST)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="requests")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="requests")
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requests"
    )
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    to_deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    to_service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    units = models.IntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)  # None: it stays until it is changed
    occasion = models.CharField(max_length=20, choices=Occasion.choices, blank=True)
    purpose = models.TextField(blank=True)
    # An approved provisioned burst carries the yes for its own end: Azure does not promise
    # capacity back.
    accepts_provisioned_release = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=RequestState.pairs())
    content_hash = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()  # of a draft: when it was last saved
    decided_at = models.DateTimeField(null=True)
    # As the policy judged it when it was sent or edited: `quotas.domain.stages.Stage` as JSON.
    stages = models.JSONField(default=list, blank=True)
    stage = models.PositiveSmallIntegerField(default=0)  # the open one, from 1; 0: none yet
    policy_version = models.PositiveIntegerField(null=True)
    # When this open state ends by time alone; None once it has ended.
    deadline_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)  # from then on the fallback approvers may, too

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-submitted_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="request_window_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["burst", "extension", "transfer", "sandbox"], units__gt=0)
                | Q(kind="give_back", units__lt=0)
                | (Q(kind="baseline") & ~Q(units=0)),
                name="request_asks_for_something",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=False)
                | Q(kind__in=["baseline", "give_back", "transfer"]),
                name="request_without_an_end_is_lasting",
            ),
            models.CheckConstraint(
                condition=Q(kind="baseline", ends_at__isnull=True) | ~Q(kind="baseline"),
                name="baseline_request_has_no_end",
            ),
            models.CheckConstraint(
                condition=Q(kind="transfer", to_deployment__isnull=False, to_service__isnull=False)
                | (~Q(kind="transfer") & Q(to_deployment__isnull=True, to_service__isnull=True)),
                name="only_a_transfer_names_where_to",
            ),
            models.CheckConstraint(
                condition=~Q(kind="extension") | Q(parent__isnull=False),
                name="extension_names_its_grant",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(state.value for state in TERMINAL_REQUEST_STATES))
                | Q(deadline_at__isnull=False),
                name="open_request_ends_by_time",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "starts_at"]),
            models.Index(
                fields=["deadline_at"],
                condition=Q(deadline_at__isnull=False),
                name="request_by_deadline",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.service}"

    @property
    def askers(self) -> frozenset[int]:
        """Ids of who asked, and on whose behalf."""
        asked = (self.requester_id, self.on_behalf_of_id)
        return frozenset(person for person in asked if person is not None)

    @property
    def window(self) -> Window:
        """Without an end: until FOREVER, as the ledger writes it."""
        return Window(self.starts_at, self.ends_at or FOREVER)

    @property
    def open_stage(self) -> Stage | None:
        """The stage that waits for an answer; None before the first and after the last."""
        stages = stages_from_json(self.stages)
        return stages[self.stage - 1] if 0 < self.stage <= len(stages) else None

    def get_absolute_url(self) -> str:
        return reverse("request", args=[self.pk])
