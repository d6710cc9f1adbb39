"""Policies as text: raw expressions, what is shown, what a policy limits."""

from __future__ import annotations

import pytest

from simulator.policy_limits import TokenLimit, limits_of, text_setting
from simulator.policy_rules import check
from simulator.policy_text import RAW, XML, PolicyError, parse, shown

HAND_MADE = """<policies>
  <inbound> <base />
    <!-- ours: "@(" -->
    <choose>
      <when condition='@(context.Subscription?.Id == "a" || context.Subscription?.Id == "\\u0062")'>
        <llm-token-limit counter-key="svc" tokens-per-minute="500" estimate-prompt-tokens="true"/>
      </when>
      <when condition="@(context.Request.Headers.GetValueOrDefault("x", ")") == "1")">
        <llm-token-limit counter-key="x" tokens-per-minute="5" estimate-prompt-tokens="true"/>
      </when>
      <otherwise>
        <azure-openai-token-limit counter-key="@(context.Subscription.Id)"
          tokens-per-minute="70" estimate-prompt-tokens="false"/>
      </otherwise>
    </choose>
    <set-body>@{ return (a < b && body.As<JObject>()["x"] == '"') ? "}" : "y"; }</set-body>
  </inbound>
</policies>"""


def test_what_is_shown_says_the_same_and_is_shown_the_same_again():
    once = shown(parse(HAND_MADE, RAW), RAW)
    assert '\t\t\t<when condition="@(context.Subscription?.Id == "a" ||' in once
    assert '\r\n\t\t<!-- ours: "@(" -->\r\n' in once
    assert """<set-body>@{ return (a < b && body.As<JObject>()["x"] == '"') ?""" in once
    assert shown(parse(once, RAW), RAW) == once
    plain = shown(parse(once, RAW), XML)
    assert "&lt; b &amp;&amp; body.As&lt;JObject&gt;()" in plain
    assert shown(parse(plain, XML), RAW) == once


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<policies><a></policies>", "not a valid XML: mismatched tag. Line 1, position"),
        ("", "not a valid XML: no element found"),
        ('<policies>\n<a x="@(b"/></policies>', "on line 2: its bracket is never closed"),
        ('<policies><a x="@(b) c"/></policies>', "an attribute goes on behind its expression"),
        ('<policies><a x="@(b == &quot;c&quot;)"/></policies>', "has escapes of XML"),
        ("<!DOCTYPE a><policies/>", "DTD is prohibited"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_place(text: str, words: str):
    with pytest.raises(PolicyError, match=words.replace("(", r"\(")):
        parse(text, RAW)


def test_limits_are_those_that_a_subscription_meets():
    policy = parse(HAND_MADE, RAW)
    check(policy)
    assert limits_of(policy, "a") == limits_of(policy, "b") == (TokenLimit("key svc", 500),)
    assert limits_of(policy, "c") == (TokenLimit("subscription c", 70),)
    assert limits_of(None, "a") == ()


def test_the_policy_for_given_limits_sets_them():
    text = text_setting({"a": 500, "b": 70})
    assert text is not None
    policy = parse(text, RAW)
    check(policy)
    assert shown(policy, RAW) == text
    assert limits_of(policy, "b") == (TokenLimit("subscription b", 70),)
    assert limits_of(policy, "c") == ()
    assert text_setting({}) is None
