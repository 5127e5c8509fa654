"""From an expression to fast code: array operations on a graph, planned for the sizes at hand, written as source and run."""
