"""What a sweep hands over: tables, pictures, picked models with their cards."""

from paretoprune.delivery.export import export_model
from paretoprune.delivery.model_card import CardFacts, model_card
from paretoprune.delivery.pick_rules import PickRequest, choose
from paretoprune.delivery.report import write_report
from paretoprune.delivery.sweep_facts import SweepFacts
from paretoprune.delivery.tables import load_sweep, write_tables
from paretoprune.delivery.uniform_gain import gain_over_uniform

__all__ = [
    "CardFacts",
    "PickRequest",
    "SweepFacts",
    "choose",
    "export_model",
    "gain_over_uniform",
    "load_sweep",
    "model_card",
    "write_report",
    "write_tables",
]
