"""Static files under names that carry their content's hash, so that browsers may keep them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also what a JavaScript module imports: else an old module could meet a new one."""

    support_js_module_import_aggregation = True
