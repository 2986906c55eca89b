"""Tests, intervals, power and corrections: arrays in, arrays out; no claim, no study."""
