"""`quotas.gateway.CapacityGateway` on Azure Resource Manager: read everything, write one number.

The only write of the portal is a PATCH of a deployment's SKU capacity. A PATCH keeps what the SDK
does not model; a PUT of what was read would drop it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.polling import LROPoller
from azure.mgmt.cognitiveservices import models as azure

from portal.cloud.clients import arm_client
from portal.cloud.errors import Call, azure_errors
from portal.cloud.inventory import InventoryReader, read_quotas
from portal.cloud.mapping import available_seen, deployment_seen
from portal.cloud.operations import StepPolling
from portal.cloud.resource_ids import DeploymentId, deployment_id
from portal.cloud.shortage import with_numbers
from portal.kernel.errors import CloudError
from quotas.domain.region_capacity import Available
from quotas.gateway import DeploymentSeen, Inventory, QuotaSeen, WriteAnswer


class AzureCapacity:
    """Stateless: the clients behind it are kept per process in `portal.cloud.clients`."""

    def inventory(self, subscription_id: str) -> Inventory:
        """Accounts, deployments, quota rows and deployable models of one subscription.

        Raises CloudError when the accounts cannot be listed; anything less is a problem sentence.
        """
        return InventoryReader(arm_client(subscription_id), subscription_id).read()

    def quotas(self, subscription_id: str, region: str) -> tuple[QuotaSeen, ...]:
        """The quota rows that one region lists, as they are now."""
        return read_quotas(arm_client(subscription_id), subscription_id, region)

    def available(
        self, subscription_id: str, *, model_format: str, model_name: str, model_version: str
    ) -> tuple[Available, ...]:
        """What can be deployed of a model now, in all regions; one call."""
        with azure_errors(f"ask how much of {model_name} there is"):
            rows = arm_client(subscription_id).model_capacities.list(
                model_format, model_name, model_version
            )
            return tuple(seen for row in rows if (seen := available_seen(row)))

    def read(self, deployment_resource_id: str) -> DeploymentSeen:
        """One deployment as it is now. CloudError(NOT_FOUND) when it is gone."""
        parts = deployment_id(deployment_resource_id)
        with azure_errors(f"read {parts.words}"):
            deployments = arm_client(parts.subscription_id).deployments
            return deployment_seen(
                deployments.get(parts.resource_group, parts.account, parts.deployment)
            )

    def begin_write(
        self, deployment_resource_id: str, *, sku_name: str, units: int, request_id: str
    ) -> WriteAnswer:
        """Sends one PATCH of the absolute capacity, at most once, and never waits for its end.

        `sku_name` is the deployment's current SKU (Azure requires it beside the capacity).
        """
        parts = deployment_id(deployment_resource_id)
        doing = f"set {parts.words} to {units} units"
        with _explained(parts, doing, units=units), azure_errors(doing, Call.WRITE):
            polling = StepPolling(request_id)
            poller = arm_client(parts.subscription_id).deployments.begin_update(
                parts.resource_group,
                parts.account,
                parts.deployment,
                azure.PatchResourceTagsAndSku(sku=azure.Sku(name=sku_name, capacity=units)),
                polling=polling,
                request_id=request_id,
            )
            return _write_answer(poller, polling)

    def poll(self, deployment_resource_id: str, operation: str, *, request_id: str) -> WriteAnswer:
        """One step of a running write. CloudError with `maybe_applied` False: Azure says it failed;
        with True: the asking went wrong, the write may still be running."""
        parts = deployment_id(deployment_resource_id)
        doing = f"finish the change of {parts.words}"
        with _explained(parts, doing, units=None), azure_errors(doing, Call.POLL):
            if not operation:
                raise ValueError("no operation to ask about")
            polling = StepPolling(request_id)
            poller = arm_client(parts.subscription_id).deployments.begin_update(
                parts.resource_group,
                parts.account,
                parts.deployment,
                azure.PatchResourceTagsAndSku(),  # not sent: the token resumes, it writes nothing
                polling=polling,
                continuation_token=operation,
            )
            polling.step()
            return _write_answer(poller, polling)


@contextmanager
def _explained(parts: DeploymentId, doing: str, *, units: int | None) -> Iterator[None]:
    """A refusal for want of quota comes with the numbers that Azure has now."""
    try:
        yield
    except CloudError as error:
        arm = arm_client(parts.subscription_id)
        told = with_numbers(error, arm, parts, doing=doing, units=units)
        if told is error:
            raise
        raise told from error


def _write_answer(poller: LROPoller[azure.Deployment], polling: StepPolling) -> WriteAnswer:
    polling.check_success()
    if polling.finished():
        return WriteAnswer(done=True)
    return WriteAnswer(
        done=False,
        operation=poller.continuation_token(),
        retry_after=polling.next_step_after(),
    )
