"""What a sweep hands over: tables, pictures, picked models with their cards."""

from paretoprune.delivery.card_files import FileFacts
from paretoprune.delivery.card_tested import FinalFigures, Repeat
from paretoprune.delivery.export import draft_of, write_model
from paretoprune.delivery.model_card import CardFacts, LayerRow, model_card
from paretoprune.delivery.pick_rules import PickRequest, choose
from paretoprune.delivery.report import write_report
from paretoprune.delivery.sweep_facts import SweepFacts
from paretoprune.delivery.tables import load_sweep, write_tables
from paretoprune.delivery.uniform_gain import gain_over_uniform

__all__ = [
    "CardFacts",
    "FileFacts",
    "FinalFigures",
    "LayerRow",
    "PickRequest",
    "Repeat",
    "SweepFacts",
    "choose",
    "draft_of",
    "gain_over_uniform",
    "load_sweep",
    "model_card",
    "write_model",
    "write_report",
    "write_tables",
]
