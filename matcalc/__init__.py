"""matcalc: matrix derivatives in closed form, checked before they are shown."""
