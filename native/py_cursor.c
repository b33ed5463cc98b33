#include "py_cursor.h"

#include <structmember.h>

/* The key at hand: operators set it, and state cells read it, for which an attribute of Python would be a look-up. */

static PyObject *cursor_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"no_key", NULL};
    PyObject *no_key;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O:Cursor", names, &no_key))
        return NULL;
    CursorObject *self = (CursorObject *)type->tp_alloc(type, 0);
    if (self) {
        self->key = Py_NewRef(no_key);
        self->no_key = Py_NewRef(no_key);
    }
    return (PyObject *)self;
}

static int cursor_traverse(PyObject *self, visitproc visit, void *arg)
{
    CursorObject *cursor = (CursorObject *)self;
    Py_VISIT(cursor->key);
    Py_VISIT(cursor->no_key);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int cursor_clear(PyObject *self)
{
    CursorObject *cursor = (CursorObject *)self;
    Py_CLEAR(cursor->key);
    Py_CLEAR(cursor->no_key);
    return 0;
}

static void cursor_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    cursor_clear(self);
    sage_free_object(self);
}

static PyMemberDef members[] = {
    {"key", T_OBJECT_EX, offsetof(CursorObject, key), 0, "The key at hand."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_new, cursor_new},
    {Py_tp_traverse, cursor_traverse},
    {Py_tp_clear, cursor_clear},
    {Py_tp_dealloc, cursor_dealloc},
    {Py_tp_members, members},
    {0, NULL},
};

PyType_Spec sage_cursor_spec = {
    .name = "sage_local._native.Cursor",
    .basicsize = sizeof(CursorObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
