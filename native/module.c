#include "py_module.h"

#include "columns_channel.h"

static PyMethodDef functions[] = {
    {"hash64", sage_py_hash64, METH_O, "The hash behind key groups: XXH64, seed 0."},
    {"key_bytes", (PyCFunction)(void (*)(void))sage_py_key_bytes, METH_FASTCALL,
     "Canonical bytes of a key: equal keys, equal bytes."},
    {"key_groups", (PyCFunction)(void (*)(void))sage_py_key_groups, METH_FASTCALL, "Key group of each key."},
    {"partition", (PyCFunction)(void (*)(void))sage_py_partition, METH_FASTCALL,
     "Split equal-length columns by the target of each key."},
    {"pack_rows", (PyCFunction)(void (*)(void))sage_py_pack_rows, METH_FASTCALL,
     "Equal-length columns of Python values to one self-describing block."},
    {"unpack_rows", (PyCFunction)(void (*)(void))sage_py_unpack_rows, METH_FASTCALL, "The columns packed by pack_rows."},
    {"select", (PyCFunction)(void (*)(void))sage_py_select, METH_FASTCALL, "A value of each record."},
    {"bounds", sage_py_bounds, METH_O, "The least and the greatest of plain ints."},
    {"fold", (PyCFunction)(void (*)(void))sage_py_fold, METH_FASTCALL, "Fold records into accumulators by key."},
    {"fold_sessions", sage_py_fold_sessions, METH_VARARGS, "Fold records into the latest session of their key."},
    {"look_at_sessions", sage_py_look_at_sessions, METH_VARARGS, "Take out the sessions that are over."},
    {"merge", (PyCFunction)(void (*)(void))sage_py_merge, METH_FASTCALL, "Merge accumulators by key."},
    {"results", (PyCFunction)(void (*)(void))sage_py_results, METH_FASTCALL, "Results of accumulators by name."},
    {"reduce", (PyCFunction)(void (*)(void))sage_py_reduce, METH_FASTCALL, "Fold records by a function, by key."},
    {"is_immutable", sage_py_is_immutable, METH_O, "Whether nobody can change the value in place."},
    {"apart", sage_py_apart, METH_O, "The value, without a container that somebody else can change."},
    {0},
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **place)
{
    *place = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *place ? PyModule_AddType(module, *place) : -1;
}

static int execute(PyObject *module)
{
    sage_module_state *state = PyModule_GetState(module);
    if (add_type(module, &sage_segment_spec, &state->segment_type) < 0 ||
        add_type(module, &sage_doorbell_spec, &state->doorbell_type) < 0 ||
        add_type(module, &sage_ring_writer_spec, &state->ring_writer_type) < 0 ||
        add_type(module, &sage_ring_reader_spec, &state->ring_reader_type) < 0 ||
        add_type(module, &sage_column_writer_spec, &state->column_writer_type) < 0 ||
        add_type(module, &sage_column_reader_spec, &state->column_reader_type) < 0 ||
        add_type(module, &sage_wait_set_spec, &state->wait_set_type) < 0 ||
        add_type(module, &sage_cursor_spec, &state->cursor_type) < 0 ||
        add_type(module, &sage_state_cell_spec, &state->state_cell_type) < 0 ||
        add_type(module, &sage_accumulator_spec, &state->accumulator_type) < 0 ||
        add_type(module, &sage_pane_stacks_spec, &state->pane_stacks_type) < 0)
        return -1;
    if (PyModule_AddIntConstant(module, "CACHE_LINE", SAGE_CACHE_LINE) < 0 ||
        PyModule_AddIntConstant(module, "RING_HEADER_BYTES", sizeof(sage_ring_header)) < 0 ||
        PyModule_AddIntConstant(module, "ARENA_HEADER_BYTES", sizeof(sage_arena_header)) < 0 ||
        PyModule_AddIntConstant(module, "KIND_COLUMNS", SAGE_KIND_COLUMNS) < 0 ||
        PyModule_AddIntConstant(module, "FLAG_CONTINUED", SAGE_FLAG_CONTINUED) < 0 ||
        PyModule_AddIntConstant(module, "DOORBELL_BYTES", sizeof(sage_doorbell_line)) < 0)
        return -1;
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    sage_module_state *state = PyModule_GetState(module);
    Py_VISIT(state->segment_type);
    Py_VISIT(state->doorbell_type);
    Py_VISIT(state->ring_writer_type);
    Py_VISIT(state->ring_reader_type);
    Py_VISIT(state->column_writer_type);
    Py_VISIT(state->column_reader_type);
    Py_VISIT(state->wait_set_type);
    Py_VISIT(state->cursor_type);
    Py_VISIT(state->state_cell_type);
    Py_VISIT(state->accumulator_type);
    Py_VISIT(state->pane_stacks_type);
    return 0;
}

static int clear(PyObject *module)
{
    sage_module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->segment_type);
    Py_CLEAR(state->doorbell_type);
    Py_CLEAR(state->ring_writer_type);
    Py_CLEAR(state->ring_reader_type);
    Py_CLEAR(state->column_writer_type);
    Py_CLEAR(state->column_reader_type);
    Py_CLEAR(state->wait_set_type);
    Py_CLEAR(state->cursor_type);
    Py_CLEAR(state->state_cell_type);
    Py_CLEAR(state->accumulator_type);
    Py_CLEAR(state->pane_stacks_type);
    return 0;
}

static void free_module(void *module)
{
    clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "sage_local._native",
    .m_doc = "Rings, doorbells and segments in shared memory; the row codec; the key hash.",
    .m_size = sizeof(sage_module_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

sage_module_state *sage_state_of_subtype(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, &definition);
    return module ? PyModule_GetState(module) : NULL;
}

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
