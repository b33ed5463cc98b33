/* The decoder of row blocks over anything. What it accepts, it must give again after packing and unpacking once more. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "py_module.h"

static PyObject *module, *unpickle, *refuse;

/* As much of the extension as the codec asks for. */
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "fuzzed", .m_size = sizeof(sage_module_state)};

/* The length of its bytes says how long the list is: sometimes that of the block, and sometimes no list at all. */
static PyObject *any_list(PyObject *self, PyObject *body)
{
    Py_ssize_t length = PyObject_Length(body);
    return length % 16 == 15 ? PyTuple_New(0) : PySequence_List(body);
}

static PyObject *no_pickles(PyObject *self, PyObject *values)
{
    PyErr_SetString(PyExc_NotImplementedError, "pickles are not packed again");
    return NULL;
}

static PyMethodDef any_list_method = {"any_list", any_list, METH_O, NULL};
static PyMethodDef no_pickles_method = {"no_pickles", no_pickles, METH_O, NULL};

static void check(bool holds)
{
    if (holds)
        return;
    PyErr_Print();
    abort();
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    Py_Initialize();
    module = PyModule_Create(&definition);
    check(module != NULL);
    sage_module_state *state = PyModule_GetState(module);
    state->accumulator_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &sage_accumulator_spec, NULL);
    check(state->accumulator_type != NULL);
    unpickle = PyCFunction_New(&any_list_method, NULL);
    refuse = PyCFunction_New(&no_pickles_method, NULL);
    check(unpickle && refuse);
    return 0;
}

/* By repr, since a NaN equals nothing. */
static bool are_alike(PyObject *one, PyObject *other)
{
    PyObject *left = PyObject_Repr(one), *right = PyObject_Repr(other);
    check(left && right);
    bool alike = PyUnicode_Compare(left, right) == 0;
    Py_DECREF(left);
    Py_DECREF(right);
    return alike;
}

static void pass_again(PyObject *columns)
{
    PyObject *packed = sage_py_pack_rows(module, (PyObject *[]){columns, refuse}, 2);
    if (!packed) {
        check(PyErr_ExceptionMatches(PyExc_NotImplementedError));
        PyErr_Clear();
        return;
    }
    PyObject *again = sage_py_unpack_rows(module, (PyObject *[]){packed, unpickle}, 2);
    check(again && are_alike(columns, again));
    Py_DECREF(again);
    Py_DECREF(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PyObject *block = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
    check(block != NULL);
    PyObject *columns = sage_py_unpack_rows(module, (PyObject *[]){block, unpickle}, 2);
    if (columns)
        pass_again(columns);
    else
        check(PyErr_ExceptionMatches(PyExc_ValueError));
    Py_XDECREF(columns);
    Py_DECREF(block);
    PyErr_Clear();
    return 0;
}
