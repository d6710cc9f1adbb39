"""Do the addresses belong to the cloud that is set? A token of one is nothing to another."""

from urllib.parse import urlsplit

from django.conf import settings

from portal.cloud.clients import cloud
from portal.cloud.clouds import CLOUDS, Cloud
from portal.kernel.findings import Finding, failed, warning, well

CHECK = "azure.cloud"


def examine_cloud() -> Finding:
    """FAILED when an address is another cloud's; a warning when it is nobody's that we know."""
    addresses = {
        "AZURE_ARM_ENDPOINT": settings.AZURE_ARM_ENDPOINT,
        "AZURE_METRICS_ENDPOINT": settings.AZURE_METRICS_ENDPOINT,
        "AZURE_LOGS_ENDPOINT": settings.AZURE_LOGS_ENDPOINT,
        "AZURE_AUTHORITY_HOST": settings.AZURE_AUTHORITY_HOST,
    }
    name, label = settings.HEADROOM_AZURE_CLOUD, cloud().label
    facts = {"cloud": name, **{key.lower(): address for key, address in addresses.items()}}
    owners = {key: _owners(address) for key, address in addresses.items()}
    foreign = [key for key, found in owners.items() if found and name not in found]
    if foreign:
        others = sorted({CLOUDS[owner].label for key in foreign for owner in owners[key]})
        return failed(
            CHECK,
            f"The cloud is {label}, but {' and '.join(foreign)} belongs to {' and '.join(others)}.",
            name,
            fix="Set HEADROOM_AZURE_CLOUD to the cloud of the subscriptions, and unset the rest.",
            **facts,
        )
    own = [key for key, found in owners.items() if not found]
    if own and settings.HEADROOM_SIMULATOR_CONTROL_URL:
        return well(CHECK, f"The cloud is {label}, played by a simulator.", name, **facts)
    if own:
        return warning(
            CHECK,
            f"The cloud is {label}, but not the address in {' and '.join(own)}.",
            name,
            fix="Leave it unset, unless it is meant (a gateway of yours, a simulated Azure).",
            **facts,
        )
    return well(CHECK, f"The cloud is {label}, and all addresses are its own.", name, **facts)


def _owners(address: str) -> set[str]:
    """The clouds that the address belongs to, by host; a bare host will do."""
    host = urlsplit(address if "//" in address else f"https://{address}").netloc.lower()
    return {name for name, known in CLOUDS.items() if host in _hosts(known)}


def _hosts(known: Cloud) -> set[str]:
    addresses = (known.arm_endpoint, known.metrics_endpoint, known.logs_endpoint, known.authority)
    return {urlsplit(address).netloc for address in addresses}
