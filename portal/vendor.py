"""Serves single files out of installed wheels as static files, so nothing third-party is
committed.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage


class _FilesByName(FileSystemStorage):
    """A storage that knows a few names, each of them a file somewhere on disk."""

    def __init__(self, files: dict[str, Path]) -> None:
        super().__init__(location="/")
        self.files = files

    def path(self, name: str) -> str:
        return str(self.files[name])

    def exists(self, name: str) -> bool:
        return name in self.files


class VendorFinder(BaseFinder):
    """`VENDOR_STATIC = {url name: (package, file inside the package)}`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.files = {
            name: _folder_of(package) / inside
            for name, (package, inside) in settings.VENDOR_STATIC.items()
        }
        self.storage = _FilesByName(self.files)

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        hit = self.files.get(path)
        if find_all:
            return [str(hit)] if hit else []
        return str(hit) if hit else None

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, _FilesByName]]:
        for name in self.files:
            yield name, self.storage


def _folder_of(package: str) -> Path:
    # find_spec, not import: plotly takes a second to import and only a file of it is wanted.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImproperlyConfigured(
            f"VENDOR_STATIC names the package {package}, which is not installed"
        )
    return Path(spec.submodule_search_locations[0])
