"""The command `matcalc repl`: declarations and definitions kept from line to line; a terminal with completion and live shapes."""
