"""Front ends: what was not typed in matcalc's own notation, written in it."""
