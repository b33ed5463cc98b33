/* What folds do with the records of a key: told by runtime/state/folding.py, which also says what the operations are. */
#ifndef SAGE_PY_STEPS_H
#define SAGE_PY_STEPS_H

#include "py_selector.h"

enum { SAGE_MOST_STEPS = 16 };
enum { SAGE_SUM, SAGE_MIN, SAGE_MAX, SAGE_COUNT };

typedef struct {
    long operation;
    sage_selector value;
} sage_step;

typedef struct {
    sage_step steps[SAGE_MOST_STEPS];
    Py_ssize_t count;
    bool single; /* the accumulator is the one value itself, not a list */
} sage_folding;

/* From a list of (operation, how, what), or a tuple of one; false with an exception set. */
bool sage_read_folding(PyObject *steps, sage_folding *into);

/* Whether `i` is a place in the accumulator `list`, which user code may have had in hands; else an exception is set. */
bool sage_has_place(PyObject *list, Py_ssize_t i);

/* What the steps make of the first record; a new reference, as below. */
PyObject *sage_first_accumulator(const sage_folding *by, PyObject *record);

/* What one step makes of a further one. */
PyObject *sage_added(const sage_step *by, PyObject *old, PyObject *record);

/* The same for an accumulator that is a list, in place. */
bool sage_add_to_list(const sage_folding *by, PyObject *list, PyObject *record);

#endif
