"""Browsers keep static files for ever, so a file's name must change with all that it imports."""

import re

from django.conf import settings
from django.core.files.base import ContentFile

from portal.static_storage import HashedStaticFiles

SCRIPTS = settings.BASE_DIR / "static/js"
IMPORT = re.compile(r'from "\./([^"]+)"')


def collected(folder, **changed):
    """Name with hash of each script, as `collectstatic` makes them; `changed` replaces content."""
    storage = HashedStaticFiles(location=folder, base_url="/static/")
    storage.manifest_storage = storage
    paths = {}
    for script in SCRIPTS.glob("*.js"):
        path = f"js/{script.name}"
        storage.save(path, ContentFile(changed.get(script.stem, script.read_bytes())))
        paths[path] = (storage, path)
    list(storage.post_process(paths))
    return storage


def test_what_a_module_imports_is_asked_for_under_its_hashed_name(tmp_path):
    storage = collected(tmp_path)
    with storage.open(storage.stored_name("js/app.js")) as file:
        imported = IMPORT.findall(file.read().decode())
    assert len(imported) == len(IMPORT.findall((SCRIPTS / "app.js").read_text())) > 5
    assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name) for name in imported)


def test_a_change_deep_down_renames_every_module_above_it(tmp_path):
    before = collected(tmp_path / "before")
    after = collected(tmp_path / "after", csv=b"export const another = 1;")
    names = ("js/csv.js", "js/tables.js", "js/app.js", "js/keys.js")
    renamed = [before.stored_name(name) != after.stored_name(name) for name in names]
    assert renamed == [True, True, True, False]
