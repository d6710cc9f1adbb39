"""The portal as a Django app: ground floor (people, clock, audit) and roof (joined pages)."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Headroom"

    def ready(self) -> None:
        from portal.kernel import clock
        from portal.models.clock import offset_reader

        clock.read_offset_with(offset_reader())
