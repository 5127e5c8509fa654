"""An independent oracle: random expressions, evaluated by Python's own grammar and differentiated by JAX."""
