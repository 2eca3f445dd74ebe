"""Settings: what is wrong is said at once, together, in plain words, and without secrets."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luochui import logs
from luochui.settings import (
    EXAMPLES,
    OF_OTHERS,
    Fault,
    MissingSetting,
    Settings,
    SettingsFaults,
    contradictions,
    load,
    variable,
)


def faults_of(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Fault]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsFaults) as caught:
        load()
    return {fault.variable: fault for fault in caught.value.faults}


def test_without_settings_everything_has_a_default() -> None:
    settings = load()
    assert settings.host == "127.0.0.1"
    assert settings.gateway_addresses() == ("ws://127.0.0.1:8001", "ws://127.0.0.1:8002")
    assert (settings.tolerance_ms, settings.probe_ms, settings.steady_ms) == (1_000, 250, 5_000)
    assert (settings.resume_after_ms, settings.ledger_lag_limit_ms) == (60_000, 30_000)


def test_all_faults_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults_of(
        monkeypatch,
        LUOCHUI_PORT="eight",
        LUOCHUI_GATEWAYS="0",
        LUOCHUI_DEMO="1",
        LUOCHUI_HOST="0.0.0.0",
        LUOCHUI_LOG_LEVEL="loud",
        DATABASE_URL="mysql://localhost/x",
        LUOCHUI_SESSION_SECRET="short",
    )
    assert set(found) == {
        "LUOCHUI_PORT",
        "LUOCHUI_GATEWAYS",
        "LUOCHUI_HOST",
        "LUOCHUI_LOG_LEVEL",
        "DATABASE_URL",
        "LUOCHUI_SESSION_SECRET",
    }
    assert all(fault.wrong and fault.example for fault in found.values())


def test_a_fault_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults_of(
        monkeypatch, DATABASE_URL="mysql://user:hunter2hunter2@db/x", LUOCHUI_VALKEY_PASSWORD="k3y"
    )
    text = "\n".join(str(fault) for fault in found.values())
    assert "hunter2" not in text
    assert "k3y" not in text


def test_settings_do_not_print_secrets() -> None:
    settings = Settings(database_url="postgresql://a:hunter2@b/c", session_secret="hunter2" * 9)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


def test_the_settings_of_the_assistant_are_no_misspellings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OF_OTHERS:
        monkeypatch.setenv(name, "/somewhere")
    load()


def test_a_misspelled_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults_of(monkeypatch, LUOCHUI_PROT="9000")
    assert "LUOCHUI_PORT" in found["LUOCHUI_PROT"].wrong


def test_the_demonstration_listens_on_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults_of(monkeypatch, LUOCHUI_DEMO="1", LUOCHUI_HOST="192.168.1.5")
    assert set(found) == {"LUOCHUI_HOST"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_the_demonstration_may_use_loopback(host: str) -> None:
    assert contradictions(Settings(demo=True, host=host)) == []


def test_the_gateways_ports_have_to_exist() -> None:
    assert [fault.variable for fault in contradictions(Settings(port=65_534, gateways=2))] == ["LUOCHUI_PORT"]


def test_a_tolerance_below_two_probes_is_refused() -> None:
    assert [fault.variable for fault in contradictions(Settings(tolerance_ms=400, probe_ms=250))] == [
        "LUOCHUI_TOLERANCE_MS"
    ]


def test_a_child_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given_settings = Settings(
        port=9_000,
        demo=True,
        database_url="postgresql://luochui:p%40ss@127.0.0.1:5433/luochui",
        redis_url="redis://:secret@127.0.0.1:6390/0",
        gateway_urls=("wss://a.example.cn", "wss://b.example.cn"),
        lapsed_lease_is_outage=False,
    )
    for name, value in given_settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load() == given_settings


def test_lists_come_with_commas_or_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUOCHUI_GATEWAY_URLS", " wss://a.example.cn , wss://b.example.cn ")
    monkeypatch.setenv("LUOCHUI_ORIGINS", '["https://a.example.cn"]')
    settings = load()
    assert settings.gateway_urls == ("wss://a.example.cn", "wss://b.example.cn")
    assert settings.origins == ("https://a.example.cn",)


def test_an_empty_url_means_the_embedded_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert load().database_url is None


def test_a_missing_server_is_named() -> None:
    with pytest.raises(MissingSetting, match="REDIS_URL"):
        Settings().required_redis_url()


def test_sqlalchemy_names_the_driver() -> None:
    settings = Settings(database_url="postgres://a:b@c/d")
    assert settings.sqlalchemy_url() == "postgresql+psycopg://a:b@c/d"


def test_every_setting_has_an_example() -> None:
    assert set(EXAMPLES) == set(Settings.model_fields)
    assert variable("database_url") == "DATABASE_URL"


@given(st.dictionaries(st.sampled_from(sorted(EXAMPLES)), st.text(st.characters(codec="ascii"), max_size=12)))
def test_no_text_in_a_variable_is_a_traceback(values: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(variable(name), value.replace("\0", ""))
        with contextlib.suppress(SettingsFaults):
            load()


def test_a_password_in_a_url_never_reaches_the_log() -> None:
    event = logs.hide_credentials(None, "info", {"event": "failed: postgresql://luochui:hunter2@db/luochui"})
    assert event["event"] == "failed: postgresql://***@db/luochui"


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().trusted_proxies == ()
    monkeypatch.setenv("LUOCHUI_TRUSTED_PROXIES", "127.0.0.1, 10.1.0.0/24,fd00::/8")
    assert load().trusted_proxies == ("127.0.0.1", "10.1.0.0/24", "fd00::/8")


@pytest.mark.parametrize("text", ["*", "proxy.internal", "10.1.0.5/24", "0.0.0.0/0", "::/0", "127.0.0.1,x"])
def test_a_proxy_that_would_trust_too_many_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    assert set(faults_of(monkeypatch, LUOCHUI_TRUSTED_PROXIES=text)) == {"LUOCHUI_TRUSTED_PROXIES"}


def test_the_log_is_kept_for_a_month_unless_it_is_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().log_keep_days == 30
    monkeypatch.setenv("LUOCHUI_LOG_KEEP_DAYS", "0")
    assert load().log_keep_days == 0
    assert set(faults_of(monkeypatch, LUOCHUI_LOG_KEEP_DAYS="-1")) == {"LUOCHUI_LOG_KEEP_DAYS"}


def test_ukeys_need_https_or_this_very_computer() -> None:
    for origin, fits in (
        ("https://auction.example.cn", True),
        ("http://127.0.0.1:8000", True),
        ("http://10.0.0.5:8000", False),
        ("http://auction.example.cn", False),
    ):
        found = [fault.variable for fault in contradictions(Settings(origins=(origin,)))]
        assert (found == []) == fits, origin
        assert not contradictions(Settings(origins=(origin,), bid_requires_ukey=False))


def test_the_platforms_ukey_needs_its_pin() -> None:
    [fault] = contradictions(Settings(platform_ukey="platform"))
    assert fault.variable == "LUOCHUI_PLATFORM_PIN_FILE"
    [fault] = contradictions(Settings(tsa_url="ftp://tsa.example"))
    assert fault.variable == "LUOCHUI_TSA_URL"
