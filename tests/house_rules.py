"""The house rules: each is a function from one source file of `sim/` to its complaints; `test_house.py` calls them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

MOST_FILE_LINES, MOST_FUNCTION_LINES = 300, 60
MEDIAN_PROTOCOL_LINES = 150  # half of the protocols' own files stay below
FLOORS = {"kernel": 0, "net": 1, "node": 2, "study": 4, "cli": 5, "arguments": 5, "dashboard": 5, "sockets": 5, "__main__": 5}
PARTS = ("gossip", "membership", "consensus", "availability", "adversary", "fault", "ledger", "health")
FACES = ("", "testing")  # sim/__init__.py and sim/testing.py offer what lies on every floor
MEMORY_KEPT = {("net/arena.py", "_kept")}  # room for a queue, written before it is read: no run sees what another left there
SIBLINGS_ALLOWED = {
    ("health", "ledger"),
    ("availability", "ledger"),
}  # records lie in a ledger and fragments under its Merkle trees; it knows no other part

BANNED_MODULES = {
    "random": "use Dice",
    "secrets": "use Dice",
    "uuid": "derive names from digests",
    "numpy.random": "use Dice",
}
BANNED_CALLS = {
    "os.urandom": "chance comes from Dice",
    "asyncio.wait": "it answers in set order, that is by memory address",
    "asyncio.as_completed": "it answers in set order, that is by memory address",
    "asyncio.TaskGroup": "it cancels in set order, that is by memory address",
    "hash": "differs between processes for text",
    "id": "is a memory address",
}
CLOCKS = ("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time")
WALL_CLOCKS = tuple(f"time.{clock}" for clock in CLOCKS)
CALENDARS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
MAY_READ_THE_CLOCK = {
    "study/run.py": "reports wall_s, which no result depends on",
    "cli.py": "shows progress",
    "sockets/live.py": "real time is what it is about; no simulated run passes through it",
    "study/calibrate.py": "measures this machine, which is all it does",
}
MAY_HAVE_SECRETS = {"dashboard/guard.py": "its token must not be guessed, and no run sees it"}
MAY_TAKE_ANY_KEYWORD = {
    "filled": "stands for the __init__ of any part, whose keys are its own",
    "but": "overrides any field of a scenario",
    "note": "facts of a note are free",
    "receive": "the keywords are the message's fields",
    "quorum": "the keywords are the message's fields",
    "mail": "the keywords are the message's fields",
    "has_mail": "the keywords are the message's fields",
    "collect": "the keywords are the message's fields",
    "ballots": "the keywords are the message's fields",
    "heard": "the keywords are the message's fields",
    "proves": "the mirror image of quorum",
    "forget": "the keywords are the message's fields",
}
IDLE_NAMES = (
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "context",
    "handler",
    "base",
    "data",
    "info",
    "common",
    "misc",
)
ORDER_FREE = ("sorted", "any", "all", "len", "min", "max", "set", "frozenset")


@dataclass(frozen=True)
class Source:
    """One file: its path below sim/ and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """The package or module directly below sim: 'net', 'cli', or '' for sim/__init__.py."""
        first = self.path.split("/")[0].removesuffix(".py")
        return "" if first == "__init__" else first


def floor_of(room: str) -> int | None:
    """The floor of a room; None where the house has no such room."""
    return 3 if room in PARTS else FLOORS.get(room)


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain; '' for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Every module a file imports, wherever in the file, as (line, dotted name); relative imports are resolved."""
    package = ["sim", *source.path.split("/")[:-1]]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def real_names(source: Source) -> dict[str, str]:
    """What a local name really is: `from time import time as t` gives t -> time.time."""
    names = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def mentions(source: Source) -> Iterator[tuple[int, str]]:
    """Every name and attribute chain in a file, by its real name."""
    names = real_names(source)
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            first, _, rest = dotted(node).partition(".")
            yield node.lineno, f"{names.get(first, first)}.{rest}".strip(".")


def floors(source: Source) -> Iterator[str]:
    """Imports point down only; siblings on floor 3 do not know each other; every room has a floor."""
    if source.room in FACES:
        return
    mine = floor_of(source.room)
    if mine is None:
        yield f"{source.path}: no floor is known for '{source.room}'"
        return
    for line, module in imported(source):
        head, _, rest = module.partition(".")
        room = rest.split(".")[0]
        if head != "sim" or room in (source.room, "__version__"):
            continue
        theirs = 5 if floor_of(room) is None else floor_of(room)  # a face offers what lies on every floor
        sibling = mine == theirs == 3 and (source.room, room) not in SIBLINGS_ALLOWED
        if sibling or (theirs is not None and theirs > mine):
            yield f"{source.path}:{line}: {source.room} (floor {mine}) imports {room} (floor {theirs})"


def no_chance_or_clock_of_its_own(source: Source) -> Iterator[str]:
    """No global chance, no wall clock, no memory addresses, no unordered waiting."""
    for line, module in imported(source):
        for banned, instead in BANNED_MODULES.items():
            if banned == "secrets" and source.path in MAY_HAVE_SECRETS:
                continue
            if module == banned or module.startswith(f"{banned}."):
                yield f"{source.path}:{line}: imports {banned}; {instead}"
    for line, name in mentions(source):
        if name in BANNED_CALLS:
            yield f"{source.path}:{line}: {name} {BANNED_CALLS[name]}"
        elif name.startswith(("numpy.random.", "np.random.")):
            yield f"{source.path}:{line}: {name}; chance comes from Dice"
        elif name.endswith(CALENDARS) or (name in WALL_CLOCKS and source.path not in MAY_READ_THE_CLOCK):
            yield f"{source.path}:{line}: {name} reads a wall clock"


def no_printing(source: Source) -> Iterator[str]:
    """Only the command line speaks to the terminal."""
    if source.path != "cli.py":
        yield from (f"{source.path}:{line}: prints" for line, name in mentions(source) if name == "print")


def _is_set(node: ast.expr, known: frozenset[str]) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)):
        return _is_set(node.left, known) or _is_set(node.right, known)
    called = isinstance(node, ast.Call) and dotted(node.func) in ("set", "frozenset")
    return called or isinstance(node, (ast.Set, ast.SetComp)) or (isinstance(node, ast.Name) and node.id in known)


def _known_sets(scope: ast.AST) -> frozenset[str]:
    """Names of this scope that are plainly sets: assigned a set, or annotated as one."""
    names = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _is_set(node.value, frozenset()):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation is not None:
            written = ast.unparse(node.annotation).split("[")[0]
            name = node.arg if isinstance(node, ast.arg) else dotted(node.target)
            names += [name] if written in ("set", "frozenset") else []
    return frozenset(names)


def no_iteration_over_sets(source: Source) -> Iterator[str]:
    """The order of a set is no order: sort it first. Found where it is plain to see; laws of replay find the rest."""
    tree = source.tree
    scopes = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    found = {}
    for scope in [tree, *scopes]:
        known = _known_sets(scope) if scope is not tree else frozenset()
        harmless = {
            inner
            for node in ast.walk(scope)
            if isinstance(node, ast.Call) and dotted(node.func) in ORDER_FREE
            for inner in node.args
        }
        for node in ast.walk(scope):
            iterated: list[ast.expr] = []
            if isinstance(node, (ast.For, ast.AsyncFor)):
                iterated = [node.iter]
            elif isinstance(node, (ast.ListComp, ast.DictComp, ast.GeneratorExp)) and node not in harmless:
                iterated = [generator.iter for generator in node.generators]
            elif isinstance(node, ast.Call) and dotted(node.func) in (
                "list",
                "tuple",
                "enumerate",
                "iter",
                "zip",
                "map",
                "sum",
            ):
                iterated = list(node.args)
            for item in iterated:
                if _is_set(item, known):
                    found[item.lineno] = f"{source.path}:{item.lineno}: iterates over a set"
    yield from found.values()


def no_open_keywords(source: Source) -> Iterator[str]:
    """**kwargs hides what a function takes; the few that may are listed with their reasons."""
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.kwarg and node.name not in MAY_TAKE_ANY_KEYWORD:
            yield f"{source.path}:{node.lineno}: {node.name} takes **{node.args.kwarg.arg}"


def no_shared_state(source: Source) -> Iterator[str]:
    """Two runs in one process share nothing: no lists, dicts or sets in lower-case names of a module, and no `global`."""
    makers = ("list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict", "bytearray")
    displays = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for node in source.tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            made = isinstance(node.value, ast.Call) and dotted(node.value.func).split(".")[-1] in makers
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                name = dotted(target)
                constant = name.isupper() or name.startswith("__") or (source.path, name) in MEMORY_KEPT
                if (made or isinstance(node.value, displays)) and not constant:
                    yield f"{source.path}:{node.lineno}: {name} is mutable and belongs to the module"
    yield from (
        f"{source.path}:{node.lineno}: global {', '.join(node.names)}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Global)
    )


def short_enough(source: Source) -> Iterator[str]:
    """A file is one idea, a function one thought."""
    lines = len(source.text.splitlines())
    if lines > MOST_FILE_LINES:
        yield f"{source.path}: {lines} lines; at most {MOST_FILE_LINES}, split by idea"
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield f"{source.path}:{node.lineno}: {node.name} has {lines} lines; at most {MOST_FUNCTION_LINES}"


def documented(source: Source) -> Iterator[str]:
    """Modules, and public classes and functions and methods, say what they are."""
    if not ast.get_docstring(source.tree):
        yield f"{source.path}: no docstring"
    waiting: list[ast.stmt] = list(source.tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{source.path}:{node.lineno}: {node.name} has no docstring"
            waiting += node.body if isinstance(node, ast.ClassDef) else []


def named_for_what_it_is(source: Source) -> Iterator[str]:
    """No file is called after nothing in particular."""
    idle = [piece for piece in source.path.removesuffix(".py").split("/") if piece in IDLE_NAMES]
    yield from (f"{source.path}: '{piece}' says nothing about what is in it" for piece in idle)


def protocols_on_a_screen(protocols: Mapping[str, str]) -> Iterator[str]:
    """A student reads a protocol on a screen or two: over the files that the entry points name (text by path), half are short."""
    lines = {path: len(text.splitlines()) for path, text in protocols.items()}
    middle = median(lines.values())
    if middle >= MEDIAN_PROTOCOL_LINES:
        longest = ", ".join(f"{path} {lines[path]}" for path in sorted(lines, key=lambda path: -lines[path])[:5])
        yield f"half of the protocols have {middle:g} lines or more, {MEDIAN_PROTOCOL_LINES} are too many; the longest: {longest}"
