"""How compiled code sees a `World`: one address of a table of arrays, read as attributes.

A named tuple of forty arrays would be copied at every call (measured: 40 times slower). Here a world is one machine word,
`w.seats` is two or three loads, and the arrays carry no reference counts: Python keeps them alive while the core runs.
A gossip rule is a C function `int64(World, int64, int64, int64, int64)` whose address lies behind that table, so one
compiled engine serves every strategy (a typed first-class function does too, but cost 50 microseconds at every call of the core).

Import only where `sim.kernel.jit.COMPILED`. Its classes live at the top of the module because Numba's disk cache pickles them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np import arrayobj
from numba.np.arrayobj import populate_array

from sim.net.core.state import ARRAYS, World

WORD = ir.IntType(64)


class WorldType(types.Type):  # type: ignore[misc]
    """Numba's type of a `World`."""

    def __init__(self) -> None:
        super().__init__(name="medgossip.World")


WORLD_TYPE = WorldType()
_PLACES = {name: place for place, name in enumerate(ARRAYS)}
_KINDS = {name: types.Array(numba.from_dtype(np.dtype(kind)), dimensions, "C") for name, (kind, dimensions) in ARRAYS.items()}


@typeof_impl.register(World)
def _type_of(value: World, context: Any) -> WorldType:
    return WORLD_TYPE


@register_model(WorldType)
class _WorldModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD.as_pointer())


@unbox(WorldType)
def _unbox(kind: Any, value: Any, c: Any) -> Any:
    number = c.pyapi.object_getattr_string(value, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, WORD.as_pointer()))


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    key = WorldType

    def generic_resolve(self, kind: Any, name: str) -> Any:
        return _KINDS.get(name)


@lower_getattr_generic(WorldType)
def _attribute(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    array_type = _KINDS[name]
    array = context.make_array(array_type)(context, builder)

    def load(column: int) -> Any:
        found = builder.load(builder.gep(value, [ir.Constant(WORD, 3 * _PLACES[name] + column)]))
        found.set_metadata("invariant.load", builder.module.add_metadata([]))  # the table stays as it is while the core runs
        return found

    item_bytes = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    item_size = ir.Constant(WORD, item_bytes)
    shape = [load(1 + axis) for axis in range(array_type.ndim)]
    strides = [item_size] if array_type.ndim == 1 else [builder.mul(shape[1], item_size), item_size]
    data = builder.inttoptr(load(0), context.get_data_type(types.CPointer(array_type.dtype)))
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=item_size, meminfo=None)
    return array._getvalue()


RULE_TYPE = types.int64(WORLD_TYPE, types.int64, types.int64, types.int64, types.int64)


@contextmanager
def plain_indices() -> Iterator[None]:
    """Compile without Python's counting from the end for negative indices: the core has none, and the tests cost time.

    Numba has no switch for it; where a later version has moved the function, the core only gets that much slower.
    """
    usual = getattr(arrayobj, "fix_integer_index", None)
    if usual is not None:
        arrayobj.fix_integer_index = _as_it_is
    try:
        yield
    finally:
        if usual is not None:
            arrayobj.fix_integer_index = usual


def _as_it_is(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


ENTRY_TYPE = types.int64(types.int64, types.int64, types.int64, types.int64)


@intrinsic
def world_at(typing: Any, address: Any) -> Any:
    """The world whose table lies at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], WORD.as_pointer())

    return WORLD_TYPE(types.int64), generate


@intrinsic
def words_at(typing: Any, address: Any) -> Any:
    """Words that lie at an address, for `carray`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], WORD.as_pointer())

    return types.CPointer(types.int64)(types.int64), generate


def _calling(place: int) -> Any:
    """How to call the rule whose address is that word behind the table: about 2 ns, and one engine for every rule."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(WORD, [WORD.as_pointer(), WORD, WORD, WORD, WORD])
        address = builder.load(builder.gep(arguments[0], [ir.Constant(WORD, 3 * len(ARRAYS) + place)]))
        return builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)

    return generate


@intrinsic
def call_rule(typing: Any, w: Any, event: Any, seat: Any, peer: Any, item: Any) -> Any:
    """Call the world's gossip rule."""
    return RULE_TYPE, _calling(0)


@intrinsic
def call_keeper(typing: Any, w: Any, event: Any, seat: Any, peer: Any, item: Any) -> Any:
    """Call the world's keeper, the rule for shares."""
    return RULE_TYPE, _calling(1)


@intrinsic
def call_member_rule(typing: Any, w: Any, event: Any, seat: Any, peer: Any, word: Any) -> Any:
    """Call the world's membership rule."""
    return RULE_TYPE, _calling(2)


@intrinsic
def fetch_early(typing: Any, array: Any, row: Any, offset_bytes: Any) -> Any:
    """Ask the processor to fetch what lies so many bytes into a row of an array into its cache, for reading and writing soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, arguments[0])
        stride = builder.extract_value(found.strides, 0)
        place = builder.add(builder.ptrtoint(found.data, WORD), builder.mul(arguments[1], stride))
        place = builder.add(place, arguments[2])
        byte = ir.IntType(8).as_pointer()
        flag = ir.IntType(32)
        call = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, call, "llvm.prefetch.p0i8")
        builder.call(function, [builder.inttoptr(place, byte), flag(1), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate
