"""Schedules: how a trial carries out its plan while it trains. One function each."""
