#include "py_cursor.h"
#include "py_immutable.h"

#include <structmember.h>

/* What every state object does for each record: find or set what the key under the cursor has, and say, once between
 * two checkpoints, that it changes. What is rare is a method of subclasses in Python. */

typedef struct {
    PyObject_HEAD
    PyObject *values;
    CursorObject *cursor;
    PyObject *said;     /* a set; None: nobody wants to know what changes */
    PyObject *fallback; /* what `_find` returns where there is nothing */
} StateCellObject;

static int cell_init(PyObject *object, PyObject *args, PyObject *named)
{
    static char *names[] = {"values", "cursor", "said", "fallback", NULL};
    StateCellObject *self = (StateCellObject *)object;
    PyObject *values, *cursor, *said, *fallback;
    sage_module_state *state = sage_state_of_subtype(Py_TYPE(object));
    if (!state || !PyArg_ParseTupleAndKeywords(args, named, "OO!OO:StateCell", names, &values, state->cursor_type,
                                               &cursor, &said, &fallback))
        return -1;
    if (said != Py_None && !PySet_CheckExact(said)) {
        PyErr_Format(PyExc_TypeError, "expected a set of keys or None, found %s", Py_TYPE(said)->tp_name);
        return -1;
    }
    Py_XSETREF(self->values, Py_NewRef(values));
    Py_XSETREF(self->cursor, (CursorObject *)Py_NewRef(cursor));
    Py_XSETREF(self->said, Py_NewRef(said));
    Py_XSETREF(self->fallback, Py_NewRef(fallback));
    return 0;
}

static int cell_traverse(PyObject *object, visitproc visit, void *arg)
{
    StateCellObject *self = (StateCellObject *)object;
    Py_VISIT(self->values);
    Py_VISIT(self->cursor);
    Py_VISIT(self->said);
    Py_VISIT(self->fallback);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static int cell_clear(PyObject *object)
{
    StateCellObject *self = (StateCellObject *)object;
    Py_CLEAR(self->values);
    Py_CLEAR(self->cursor);
    Py_CLEAR(self->said);
    Py_CLEAR(self->fallback);
    return 0;
}

static void cell_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    cell_clear(object);
    sage_free_object(object);
}

static bool call(StateCellObject *self, const char *name, PyObject *argument)
{
    /* In brackets: a tuple given bare would be taken for all arguments. */
    PyObject *returned = argument ? PyObject_CallMethod((PyObject *)self, name, "(O)", argument)
                                  : PyObject_CallMethod((PyObject *)self, name, NULL);
    Py_XDECREF(returned);
    return returned != NULL;
}

/* The key at hand, a new reference: announcing it runs Python, which may move the cursor. */
static PyObject *key_at_hand(StateCellObject *self)
{
    if (!self->cursor || !self->cursor->key) {
        PyErr_SetString(PyExc_ValueError, "a state cell without a key under its cursor");
        return NULL;
    }
    if (self->cursor->key == self->cursor->no_key && !call(self, "_refuse", NULL))
        return NULL;
    return Py_NewRef(self->cursor->key);
}

static bool announced(StateCellObject *self, PyObject *key)
{
    if (self->said == Py_None)
        return true;
    int known = PySet_Contains(self->said, key);
    return known > 0 || (known == 0 && call(self, "_announce", key));
}

/* A new reference; NULL without an exception where there is nothing. */
static PyObject *looked_up(StateCellObject *self, PyObject *key)
{
    if (PyDict_CheckExact(self->values))
        return Py_XNewRef(PyDict_GetItemWithError(self->values, key));
    PyObject *found = PyObject_CallMethod(self->values, "get", "OO", key, self->fallback);
    if (found == self->fallback)
        Py_CLEAR(found);
    return found;
}

static PyObject *cell_find(PyObject *object, PyObject *unused)
{
    StateCellObject *self = (StateCellObject *)object;
    PyObject *key = key_at_hand(self);
    if (!key)
        return NULL;
    PyObject *found = looked_up(self, key);
    /* Whoever asked may change it in place and never tell. */
    if (found && !sage_is_immutable(found) && !announced(self, key))
        Py_CLEAR(found);
    else if (!found && !PyErr_Occurred())
        found = Py_NewRef(self->fallback);
    Py_DECREF(key);
    return found;
}

static PyObject *cell_set(PyObject *object, PyObject *value)
{
    StateCellObject *self = (StateCellObject *)object;
    PyObject *key = key_at_hand(self);
    if (!key)
        return NULL;
    bool done = announced(self, key) && (PyDict_CheckExact(self->values)
                                             ? PyDict_SetItem(self->values, key, value) == 0
                                             : PyObject_SetItem(self->values, key, value) == 0);
    Py_DECREF(key);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"_find", cell_find, METH_NOARGS, "What the key at hand has, or the fallback."},
    {"_set", cell_set, METH_O, "Let the key at hand have it."},
    {0},
};

static PyMemberDef members[] = {
    {"_values", T_OBJECT_EX, offsetof(StateCellObject, values), READONLY, "Values by key."},
    {"_cursor", T_OBJECT_EX, offsetof(StateCellObject, cursor), READONLY, "The key at hand."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, cell_init},       {Py_tp_traverse, cell_traverse}, {Py_tp_clear, cell_clear},
    {Py_tp_dealloc, cell_dealloc}, {Py_tp_methods, methods},        {Py_tp_members, members},
    {0, NULL},
};

PyType_Spec sage_state_cell_spec = {
    .name = "sage_local._native.StateCell",
    .basicsize = sizeof(StateCellObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
