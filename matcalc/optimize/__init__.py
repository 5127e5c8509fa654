"""Minimising expressions: objectives in numbers, methods, constraints, closed forms, and the report."""
