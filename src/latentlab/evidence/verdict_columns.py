"""The columns of the table of verdicts, and what each holds.

Whatever a report says of a verdict is a column; nothing is to be read out of a sentence.
"""

from __future__ import annotations

VERDICT_COLUMNS: dict[str, str] = {
    "hypothesis": "id in the file of hypotheses",
    "question": "the claim in words",
    "kind": "as the file of hypotheses has it: superiority, monotone, ..",
    "comparison": "what the effect is held against: superiority (above the boundary), "
    "non_inferiority (above minus the boundary), equivalence (within it), trend (above 0), "
    "difference (of several contrasts some beyond it, on either side)",
    "family": "family that is corrected together",
    "correction": "holm, fdr_bh, bonferroni or none",
    "alpha": "level of the family",
    "status": "confirmatory, exploratory (never registered so) or deviated (registered otherwise)",
    "status_reason": "clause after the status; empty where confirmatory",
    "attempt": "1, or one more than the registrations under which it was judged before",
    "earlier_verdicts": "verdicts of the attempts before, in order",
    "asked_otherwise": "verdicts under earlier registrations on another claim of this name, or on "
    "one that nothing asks any more and that had no more than another boundary",
    "command": "what registers and runs the study anew on fresh seeds",
    "metric": "name of the metric",
    "split": "data the metric was measured on",
    "better": "higher, lower or none",
    "unit": "unit of estimate, effect and boundary: the metric's, % of control mean where the "
    "boundary is, % of control geometric mean on a log scale (% of several contrasts), rank "
    "correlation, probability, or ranks",
    "treatment": "arm, arms, or first contrast; for monotone the last arm",
    "control": "arm, or second contrast; for monotone the first arm; empty for all pairs",
    "n": "pairs of seeds, seeds of the smaller arm, trials (association), or problems",
    "n_unit": "what n, seeds_likely and seeds_needed count: seed, trial or problem",
    "generalises_to": "what the verdict holds for: seeds, or seeds and examples other than these",
    "examples": "test examples that are a sample too; empty where seeds alone are",
    "example_groups": "groups that these examples belong to, which are then the sample; empty "
    "where each example is on its own",
    "estimate": "treatment - control in that unit, Hodges and Lehmann's for rank tests; a rank "
    "correlation for trends; or the probability that the treatment's score is the higher one",
    "effect": "the estimate turned so that positive is better, or the stated direction; of several "
    "contrasts the one with the smallest p",
    "control_mean": "mean of the control in metric units, geometric on a log scale",
    "treatment_mean": "mean of the treatment likewise",
    "boundary": "minimum effect or margin in that unit; 0 for trends",
    "interval_low": "low end of the unadjusted interval of effect: what the primary test does not "
    "reject (t, Welch, Fieller, Hodges-Lehmann, flips of signs), Fisher z, t over the seeds' "
    "correlations (monotone), or two-way over seeds and examples",
    "interval_high": "its high end",
    "interval_level": "its coverage: 1 - 2 alpha, or 1 - alpha for two sides",
    "p_supported": "p-value of support, compared with alpha",
    "p_refuted": "p-value of refutation, compared with alpha",
    "p_supported_adjusted": "corrected for earlier attempts and within the family's supports; "
    "empty where the test is undefined",
    "p_refuted_adjusted": "corrected for earlier attempts and within the family's refutations; "
    "empty where the test is undefined",
    "attainable_p": "smallest p_supported that test and n allow",
    "test": "primary test",
    "sensitivity": "JSON: other test -> its p_supported, unadjusted; skewed_t, which allows for "
    "skewness, of 8 or more pairs",
    "skewed_p_refuted": "p_refuted of skewed_t, unadjusted",
    "skewness": "of 8 or more paired differences that a t test is made on, positive as in effect",
    "skewness_p": "how often normal differences are as skewed, by D'Agostino's test",
    "contrasts": "JSON: of a claim about several contrasts, contrast -> effect, low and high end "
    "of its simultaneous interval, and two-sided p adjusted for the others",
    "effect_size": "d_z (paired), Hedges g (independent) or rho, positive as in effect",
    "pairing_correlation": "correlation of the arms over seeds; at most 0: pairing bought nothing",
    "detectable_effect": "smallest true effect (for equivalence, margin) found with 80 % power",
    "seeds_likely": "seeds (association: trials) for 80 % power at an effect like the one seen, "
    "planned with the spread that was seen",
    "seeds_needed": "the same planned with the upper 80 % limit of that spread",
    "examples_share": "share of the variance of effect that the examples bring",
    "narrowest": "half of the width that the interval keeps with any number of seeds",
    "look": "look that decided, or the last one so far, from 1; empty without declared looks",
    "looks": "number of declared looks",
    "stagewise_p": "p-value of a decided direction by stage-wise ordering, not corrected within "
    "the family",
    "conditional_power": "chance of an answer by the last look if the trend goes on, where open",
    "seeds_saved": "seeds of the last look that a decided verdict did without",
    "verdict": "supported, refuted, inconclusive, invalid or not_run",
    "finding": "clause that says what a supported or refuted verdict found; empty otherwise",
    "cause": "why there is no answer; empty where there is one, or where the data leave it open",
}

POOLED_COLUMNS: dict[str, str] = VERDICT_COLUMNS | {
    "n": "pairs of seeds of each problem; the fewest, where they differ",
    "effect": "mean of the problems' effects with equal weights, turned as theirs; in % of control "
    "mean that of their differences over that of their controls",
    "interval_low": "low end of the unadjusted t interval of effect",
    "problems": "JSON: problem -> n, effect, and low and high end of its unadjusted interval",
    "heterogeneity_q": "Cochran's Q of the problems' effects",
    "heterogeneity_p": "its p-value, by Welch's F",
    "i_squared": "share of the effects' variation that is not error",
    "problems_differ": "whether the problems are told apart; empty where that cannot be said",
    "mean_ranks": "JSON: of a claim about ranks, arm -> its mean rank over problems, 1 is best",
    "left_out": "problems whose stored scores could not be pooled, and why",
}
"""The columns of the table of pooled verdicts, and what those hold that differ."""
