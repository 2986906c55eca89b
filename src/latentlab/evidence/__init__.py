"""Evidence: how declared hypotheses and tables of scores become verdicts.

Tables in, tables out, in four steps: `hypotheses.read_hypotheses` declares, `checks.check` holds
the declaration against the study, `freeze.freeze` stamps it before the data, `verdicts.judge`
judges. Beneath them lie the statistics, one idea per module. Nothing is imported here, because
every study imports `evidence.metric` and few need scipy.
"""
