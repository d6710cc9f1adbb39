"""Static files under names that carry their content's hash, so that browsers may keep them."""

from typing import Any

from django.conf import settings
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also what a JavaScript module imports: else an old module could meet a new one."""

    support_js_module_import_aggregation = True

    def create_compressor(self, **options: Any) -> Compressor:
        """Brotli takes half a minute for the charts, and browsers ask for it over https only."""
        return Compressor(use_brotli=settings.IN_PRODUCTION, **options)
