"""Browser tests are skipped with a reason where there is no Chromium, and required when CI=true."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace

import pytest

from stack.paths import PROJECT


def in_browser(file: str) -> SimpleNamespace:
    return SimpleNamespace(
        nodeid=f"{file}::test_it", get_closest_marker=lambda name: name == "browser" or None
    )


IN_BROWSER = in_browser("portal/tests/test_short_in_a_browser.py")
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


def test_browser_tests_come_last_and_of_them_the_short_files(rule: ModuleType) -> None:
    longest, long = map(in_browser, rule.LONG_FILES[:2])
    items = [IN_BROWSER, long, PLAIN, longest]
    rule.pytest_collection_modifyitems(items)
    assert items == [PLAIN, longest, long, IN_BROWSER]


def test_the_long_files_are_there(rule: ModuleType) -> None:
    assert [name for name in rule.LONG_FILES if not (PROJECT / name).is_file()] == []
