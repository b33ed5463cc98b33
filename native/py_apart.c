#include "py_apart.h"

#include "py_immutable.h"

/* Subclasses of containers, and containers of other kinds: as deep as their own copying goes. */
static bool is_other_container(PyObject *value)
{
    return PyDict_Check(value) || PyList_Check(value) || PySet_Check(value) || PyByteArray_Check(value) ||
           strcmp(Py_TYPE(value)->tp_name, "collections.deque") == 0;
}

static PyObject *copied_by_itself(PyObject *value)
{
    PyObject *module = PyImport_ImportModule("copy");
    PyObject *made = module ? PyObject_CallMethod(module, "copy", "O", value) : NULL;
    Py_XDECREF(module);
    return made;
}

static PyObject *dict_apart(PyObject *value)
{
    PyObject *made = PyDict_Copy(value);
    PyObject *key, *part;
    Py_ssize_t position = 0;
    while (made && PyDict_Next(made, &position, &key, &part)) {
        if (sage_is_plain(part))
            continue;
        PyObject *own = sage_apart(part);
        if (!own || (own != part && PyDict_SetItem(made, key, own) < 0))
            Py_CLEAR(made);
        Py_XDECREF(own);
    }
    return made;
}

static PyObject *list_apart(PyObject *value)
{
    PyObject *made = PyList_GetSlice(value, 0, PyList_GET_SIZE(value));
    for (Py_ssize_t i = 0; made && i < PyList_GET_SIZE(made); i++) {
        PyObject *part = PyList_GET_ITEM(made, i);
        if (sage_is_plain(part))
            continue;
        PyObject *own = sage_apart(part);
        if (!own || PyList_SetItem(made, i, own) < 0)
            Py_CLEAR(made);
    }
    return made;
}

/* Of a subclass without attributes of its own, as named tuples are. */
static PyObject *as_subclass(PyTypeObject *type, PyObject *made)
{
    PyObject *arguments = PyTuple_Pack(1, made);
    Py_DECREF(made);
    made = arguments ? PyTuple_Type.tp_new(type, arguments, NULL) : NULL;
    Py_XDECREF(arguments);
    return made;
}

/* A tuple is copied only where something in it is. */
static PyObject *tuple_apart(PyObject *value)
{
    PyObject *made = NULL;
    Py_ssize_t size = PyTuple_GET_SIZE(value);
    for (Py_ssize_t i = 0; i < size; i++) {
        PyObject *part = PyTuple_GET_ITEM(value, i);
        PyObject *own = sage_is_plain(part) ? Py_NewRef(part) : sage_apart(part);
        if (own && !made && own != part) {
            made = PyTuple_New(size);
            for (Py_ssize_t j = 0; made && j < i; j++)
                PyTuple_SET_ITEM(made, j, Py_NewRef(PyTuple_GET_ITEM(value, j)));
            if (!made)
                Py_CLEAR(own);
        }
        if (!own) {
            Py_XDECREF(made);
            return NULL;
        }
        if (made)
            PyTuple_SET_ITEM(made, i, own);
        else
            Py_DECREF(own);
    }
    if (!made)
        return Py_NewRef(value);
    return PyTuple_CheckExact(value) ? made : as_subclass(Py_TYPE(value), made);
}

static PyObject *container_apart(PyObject *value)
{
    if (PyDict_CheckExact(value))
        return dict_apart(value);
    if (PyList_CheckExact(value))
        return list_apart(value);
    if (PyTuple_Check(value) && Py_TYPE(value)->tp_dictoffset == 0)
        return tuple_apart(value);
    if (Py_IS_TYPE(value, &PySet_Type))
        return PySet_New(value);
    return is_other_container(value) ? copied_by_itself(value) : Py_NewRef(value);
}

PyObject *sage_apart(PyObject *value)
{
    if (sage_is_plain(value))
        return Py_NewRef(value);
    if (Py_EnterRecursiveCall(" while copying a record"))
        return NULL;
    PyObject *made = container_apart(value);
    Py_LeaveRecursiveCall();
    return made;
}

PyObject *sage_py_apart(PyObject *module, PyObject *value)
{
    return sage_apart(value);
}
