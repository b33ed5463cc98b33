/* How a value is taken from a record without calling the user's selector, where that only takes an item or a field:
 * told by runtime/codec/selectors.py, which also says what each of these stands for. */
#ifndef SAGE_PY_SELECTOR_H
#define SAGE_PY_SELECTOR_H

#include "py_module.h"

enum { SAGE_WHOLE, SAGE_ITEM, SAGE_FIELD, SAGE_ATTRIBUTE };

typedef struct {
    long how;
    PyObject *what;   /* borrowed from the arguments */
    Py_ssize_t index; /* of an item of a tuple or list; -1: not one */
} sage_selector;

/* False with an exception set. */
bool sage_read_selector(long how, PyObject *what, sage_selector *into);

/* The same from the pair (how, what). */
bool sage_read_selection(PyObject *selection, sage_selector *into);

/* A new reference, or NULL with an exception set. May run any Python code, unless the record is a tuple or list. */
static inline PyObject *sage_selected(PyObject *record, const sage_selector *by)
{
    if (by->how == SAGE_WHOLE)
        return Py_NewRef(record);
    if (by->index >= 0) {
        if (PyTuple_CheckExact(record) && by->index < PyTuple_GET_SIZE(record))
            return Py_NewRef(PyTuple_GET_ITEM(record, by->index));
        if (PyList_CheckExact(record) && by->index < PyList_GET_SIZE(record))
            return Py_NewRef(PyList_GET_ITEM(record, by->index));
    }
    if (by->how == SAGE_ITEM || (by->how == SAGE_FIELD && PyDict_Check(record)))
        return PyObject_GetItem(record, by->what);
    return PyObject_GetAttr(record, by->what);
}

#endif
