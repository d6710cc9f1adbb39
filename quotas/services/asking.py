"""What somebody wants to ask, before it is a request: the values, their window, their hash."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import FOREVER, Window, floor_to_minute
from portal.models import User
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Deployment, Service

Kind = CapacityRequest.Kind


@dataclass(frozen=True)
class Draft:
    """What a form or the API hands in; nothing in it is trusted yet.

    `ends_at` None: it stays until it is changed (baseline, transfer). `parent` is the grant that an
    extension makes longer; its `starts_at` and `units` are then the grant's own, whatever is said
    here. `to_deployment` is where a transfer goes.
    """

    service: Service
    deployment: Deployment
    units: int
    starts_at: datetime
    ends_at: datetime | None
    occasion: str = ""
    purpose: str = ""
    on_behalf_of: User | None = None
    accepts_provisioned_release: bool = False
    starts_now: bool = False
    kind: str = Kind.BURST
    parent: CapacityRequest | None = None
    to_deployment: Deployment | None = None


def rounded_window(draft: Draft, *, at: datetime) -> Window:
    """The window asked for, in whole minutes; "now" is this minute. Raises ValueError where it is
    empty.
    """
    starts_at = floor_to_minute(at if draft.starts_now else draft.starts_at)
    return Window(starts_at, floor_to_minute(draft.ends_at) if draft.ends_at else FOREVER)


def fields_of(draft: Draft, terms: Terms) -> dict[str, object]:
    """The columns of a request that hold what is asked."""
    end = terms.window.end
    to = draft.to_deployment
    return {
        "kind": draft.kind,
        "service": draft.service,
        "deployment": draft.deployment,
        "parent": draft.parent,
        "to_deployment": to,
        "to_service": to.service if to else None,
        "on_behalf_of": draft.on_behalf_of,
        "units": terms.units,
        "starts_at": terms.window.start,
        "ends_at": None if end == FOREVER else end,
        "occasion": draft.occasion,
        "purpose": draft.purpose.strip(),
        "accepts_provisioned_release": draft.accepts_provisioned_release,
    }


def content_hash(request: CapacityRequest) -> str:
    """SHA-256 over everything that an approval is given for."""
    content = {
        "kind": request.kind,
        "service": request.service_id,
        "deployment": request.deployment_id,
        "parent": request.parent_id,
        "to_deployment": request.to_deployment_id,
        "to_service": request.to_service_id,
        "units": request.units,
        "from": request.starts_at.isoformat(),
        "until": request.ends_at.isoformat() if request.ends_at else None,
        "occasion": request.occasion,
        "purpose": request.purpose,
        "requester": request.requester_id,
        "on_behalf_of": request.on_behalf_of_id,
        "release": request.accepts_provisioned_release,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def terms_of(request: CapacityRequest) -> Terms:
    return Terms(request.units, request.window)


def draft_of(request: CapacityRequest) -> Draft:
    """What was asked, as it could be asked again: to send a draft, to edit, to clone."""
    return Draft(
        service=request.service,
        deployment=request.deployment,
        units=request.units,
        starts_at=request.starts_at,
        ends_at=request.ends_at,
        occasion=request.occasion,
        purpose=request.purpose,
        on_behalf_of=request.on_behalf_of,
        accepts_provisioned_release=request.accepts_provisioned_release,
        kind=request.kind,
        parent=request.parent,
        to_deployment=request.to_deployment,
    )
