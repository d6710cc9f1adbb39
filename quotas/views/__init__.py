"""Doors for people: parse, call one verb or one question, answer. One file per noun."""
