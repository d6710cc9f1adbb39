"""Browser tests are skipped with a reason where there is no Chromium, and required when CI=true."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace

import pytest

from stack.paths import PROJECT

IN_BROWSER = SimpleNamespace(get_closest_marker=lambda name: name == "browser" or None)
PLAIN = SimpleNamespace(get_closest_marker=lambda name: None)


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The project's own conftest, on a machine without Chromium."""
    spec = importlib.util.spec_from_file_location("the_conftest", PROJECT / "conftest.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.delenv("CI", raising=False)
    return module


def test_without_chromium_a_browser_test_is_skipped_with_what_to_do(rule: ModuleType) -> None:
    with pytest.raises(pytest.skip.Exception, match="apt install chromium"):
        rule.pytest_runtest_setup(IN_BROWSER)
    rule.pytest_runtest_setup(PLAIN)


def test_on_the_build_server_it_fails_instead(
    rule: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI=true requires the browser tests"):
        rule.pytest_runtest_setup(IN_BROWSER)


def test_a_chromium_elsewhere_can_be_named(
    rule: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMIUM", "/opt/chromium/chrome")
    monkeypatch.setenv("CI", "true")
    rule.pytest_runtest_setup(IN_BROWSER)
    assert rule.chromium() == "/opt/chromium/chrome"


def test_browser_tests_come_last(rule: ModuleType) -> None:
    items = [IN_BROWSER, PLAIN]
    rule.pytest_collection_modifyitems(items)
    assert items == [PLAIN, IN_BROWSER]
