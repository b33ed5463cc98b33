#include "py_results.h"

/* Results of windows from the accumulators of their keys: a dict of the values of each, by name. */

PyObject *sage_result_of(const AccumulatorObject *from, PyObject *names)
{
    PyObject *result = PyDict_New();
    for (Py_ssize_t i = 0; result && i < from->count; i++) {
        PyObject *value = sage_slot_value(from, i);
        if (!value || PyDict_SetItem(result, PyTuple_GET_ITEM(names, i), value) < 0)
            Py_CLEAR(result);
        Py_XDECREF(value);
    }
    return result;
}

PyObject *sage_with_key(PyObject *key, PyObject *result)
{
    PyObject *pair = result ? PyTuple_New(2) : NULL;
    if (!pair) {
        Py_XDECREF(result);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, Py_NewRef(key));
    PyTuple_SET_ITEM(pair, 1, result);
    return pair;
}

bool sage_are_names(PyObject *names)
{
    if (!PyTuple_CheckExact(names))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++)
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(names, i)))
            return false;
    return true;
}

PyObject *sage_py_results(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyTuple_CheckExact(args[0]) || !PyTuple_CheckExact(args[1]) || !sage_are_names(args[2]) ||
        !PyBool_Check(args[3]) || PyTuple_GET_SIZE(args[0]) != PyTuple_GET_SIZE(args[1]))
        return PyErr_Format(PyExc_TypeError, "expected results(keys: tuple, accumulators: tuple of as many, names: "
                                             "tuple of str, with_key: bool)");
    sage_folding by = {.count = PyTuple_GET_SIZE(args[2]),
                       .accumulator = ((sage_module_state *)PyModule_GetState(module))->accumulator_type};
    PyObject *results = PyList_New(PyTuple_GET_SIZE(args[0]));
    for (Py_ssize_t i = 0; results && i < PyTuple_GET_SIZE(args[0]); i++) {
        AccumulatorObject *from = sage_accumulator_of(&by, PyTuple_GET_ITEM(args[1], i));
        PyObject *result = from ? sage_result_of(from, args[2]) : NULL;
        if (args[3] == Py_True)
            result = sage_with_key(PyTuple_GET_ITEM(args[0], i), result);
        if (result)
            PyList_SET_ITEM(results, i, result);
        else
            Py_CLEAR(results);
    }
    return results;
}
