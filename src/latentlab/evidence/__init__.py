"""How declared hypotheses and tables of scores become verdicts.

Tables in, tables out, in four steps: `hypotheses.read_hypotheses` reads what is declared,
`checks.check` holds it against the study, `registration` writes it down before the data, and
`verdicts.judge` (over several problems `pooled_verdicts.judge_pooled`) judges; `standing` says
what a verdict may be called. What depends on the
kind of a claim is asked of the claim: `claims` has a module per kind. Tests, intervals and power
are those of `latentlab.statistics`. `advice` holds rules about
configurations.
"""
