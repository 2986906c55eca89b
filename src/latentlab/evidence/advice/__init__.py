"""Advice on a configuration: small rules that say what is good, what could be better, and why.

A rule reads a flat configuration with the field's usual names and facts about data and model. What
it recommends is `prior`, an opinion, until a study has measured it.
"""
