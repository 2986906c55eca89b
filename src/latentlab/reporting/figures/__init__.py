"""Figures of a study: plotly figures with one look, made from tidy tables and arrays."""

from latentlab.reporting.figures.confusion_matrix import confusion_matrices
from latentlab.reporting.figures.critical_difference import critical_difference
from latentlab.reporting.figures.curves import learning_curves
from latentlab.reporting.figures.forest import forest_plot
from latentlab.reporting.figures.latents import latent_marginals, latent_scatter
from latentlab.reporting.figures.pictures import example_mosaic, reconstruction_grid
from latentlab.reporting.figures.strip_plot import strip_plot
from latentlab.reporting.figures.table import table_figure
from latentlab.reporting.figures.template import arm_styles, finish, template

__all__ = [
    "arm_styles",
    "confusion_matrices",
    "critical_difference",
    "example_mosaic",
    "finish",
    "forest_plot",
    "latent_marginals",
    "latent_scatter",
    "learning_curves",
    "reconstruction_grid",
    "strip_plot",
    "table_figure",
    "template",
]
