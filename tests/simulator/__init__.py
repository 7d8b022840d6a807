"""Whole worlds from one seed: the real engine between a source, a target, a disk, a ledger and people that are not."""
