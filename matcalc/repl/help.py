"""The commands of the REPL, and what `:help` says."""

FORMS = {"latex": ("--to", "latex"), "code": ("--to", "numpy"), "steps": ("--steps",), "unicode": ("--to", "unicode"),
         "mathml": ("--to", "mathml"), "sympy": ("--to", "sympy"), "json": ("--to", "json")}
COMMANDS = ("help", "let", "del", "clear", "to", "quit")
HELP = """\
let A symmetric                  declare a kind, dimensions, properties; let x: vector(3)
f = norm2sq(A x - b)             define f, to be used in what follows
grad f x                         ask: grad jacobian hessian hvp differential jvp vjp check simplify eval minimize
grad x.T A x wrt x, A            by several variables
g = grad f x                     give an answer a name
check f x claim A.T (A x - b)    is a derivative of your own right?
A x + b                          an expression alone is simplified
x = [1, 2]                       numbers, for eval, minimize and plot
grad f x --structure free        every option of the command works here; :help grad lists them

:latex :code :steps :unicode     the last answer in another form; or a new one: :latex grad f x
:let                             what is declared and defined; :del A x forgets, :clear forgets all
:help inv                        a function, with its derivative and source; rules lists all
:quit                            or Ctrl-D"""
