"""The portal as a Django app: ground floor (people, clock, audit) and roof (joined pages)."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Headroom"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from portal.kernel import clock
        from portal.models.clock import offset_reader
        from portal.sign_in import note_sign_in

        clock.read_offset_with(offset_reader())
        user_logged_in.connect(note_sign_in, dispatch_uid="note_sign_in")
