"""Pictures of functions and of their minimisation: gradient fields, paths, loss surfaces, convergence. Needs the extra [plot].

>>> from matcalc import pictures
>>> picture = pictures.path("(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2", start={"x": [-1.2, 1]}, method=["newton", "bfgs"])
>>> picture.data["paths"]["newton"][-1].round(6).tolist()
[1.0, 1.0]
"""

from .drawing import Picture
from .views import convergence, field, landscape, network, path

__all__ = ["Picture", "convergence", "field", "landscape", "network", "path"]
