"""The rules of the audit by their code: what each is called and what it asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What one rule asks, wherever it is asked: of runs, claims, a sweep or a printed report.

    Attributes:
        name: by which it is shown; a code is never printed without it.
        question: what a yes means, in one sentence.
        source: who has written about it.
    """

    name: str
    question: str
    source: str = ""


RULES = {
    "D01": Rule(
        "claim from one seed",
        "Is an arm that is compared known from a single seed?",
        "Henderson et al. 2018; Colas et al. 2018",
    ),
    "D02": Rule(
        "unattainable p",
        "Could the test not have come out, whatever the data, with so few runs?",
        "Phipson & Smyth 2010",
    ),
    "D03": Rule(
        "underpowered",
        "Would an effect of the size that matters mostly be missed?",
        "Colas et al. 2018",
    ),
    "D04": Rule(
        "noise floor",
        "Is a difference smaller than what seeds alone give?",
        "Bouthillier et al. 2021",
    ),
    "D05": Rule(
        "best of many",
        "Is a lead no larger than what the best of so many has by chance?",
        "Henderson et al. 2018; Dodge et al. 2019",
    ),
    "D06": Rule(
        "unequal budgets",
        "Were the sides of a comparison tried unequally often?",
        "Dodge et al. 2019; Bouthillier et al. 2021",
    ),
    "D07": Rule(
        "confounded pair",
        "Do runs that are compared differ in more than what is named?",
        "Fisher 1935",
    ),
    "D08": Rule(
        "hidden factor",
        "Did something that is not in the configuration decide the outcome?",
        "Bouthillier et al. 2021",
    ),
    "D09": Rule(
        "collinear factors",
        "Do two settings vary together, so that neither has a share?",
        "Belsley, Kuh & Welsch 1980",
    ),
    "D10": Rule(
        "multiplicity",
        "Are there several p-values and no correction for it?",
        "Holm 1979; Benjamini & Hochberg 1995",
    ),
    "D11": Rule("n of a correlation", "Does a p-value fit its n, and are n that differ ranked?"),
    "D12": Rule("text against sign", "Does a sentence say the opposite of its figures?"),
    "D13": Rule("base rate of elites", "Do the best rows share what most rows have?"),
    "D14": Rule("bounds by chance", "Do the best rows lie at a bound as often as by chance?"),
    "D15": Rule(
        "importances by chance",
        "Do elites picked at random give such importances too?",
        "Altmann et al. 2010; Hutter et al. 2014",
    ),
    "D16": Rule("adaptive sampling", "Were rows asked for because of earlier values?"),
    "D17": Rule("inactive parameter", "Is a parameter varied or read where it does not exist?"),
    "D18": Rule("counted twice", "Is one run counted as several observations?", "Hurlbert 1984"),
    "D19": Rule(
        "seed as parameter", "Is a seed searched or read as a setting?", "Bouthillier et al. 2021"
    ),
    "D20": Rule(
        "double dipping",
        "Do the runs that confirm overlap with those that selected?",
        "Kriegeskorte et al. 2009",
    ),
    "D21": Rule(
        "granularity",
        "Can a printed figure not arise from its counts and parts?",
        "Brown & Heathers 2017",
    ),
    "D22": Rule("ties and plateaus", "Do many rows share one value, such as a constant's score?"),
    "D23": Rule("meaning of a metric", "Is a value impossible, or read against its meaning?"),
    "D24": Rule(
        "metrics at odds",
        "Do metrics that should agree order the arms the opposite way?",
        "Locatello et al. 2019",
    ),
    "D25": Rule(
        "no margin",
        "Is sameness claimed without saying how much would matter?",
        "Altman & Bland 1995; Lakens 2017",
    ),
    "D26": Rule("stopped too early", "Are runs judged before what they study has begun?"),
    "D27": Rule(
        "lost runs", "Are runs missing, and more of some arms than of others?", "Rubin 1976"
    ),
    "D28": Rule("number without a run", "Is a figure predicted or claimed with no run behind it?"),
    "D29": Rule("bundle of changes", "Do several settings change at once, so that none is judged?"),
    "D30": Rule(
        "last or best",
        "Is it unsaid which epoch counts, or chosen on what is reported?",
        "Henderson et al. 2018",
    ),
    "D31": Rule(
        "timing", "Are times compared without repeats on one device?", "Mytkowicz et al. 2009"
    ),
    "D32": Rule(
        "after the data",
        "Was the claim made when the data were already there?",
        "Nosek et al. 2018",
    ),
}
