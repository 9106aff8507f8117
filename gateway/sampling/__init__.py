"""Samples of past accesses: agencies are asked whether what they received was rightly asked for."""
