/* Results of windows from accumulators. */
#ifndef SAGE_PY_RESULTS_H
#define SAGE_PY_RESULTS_H

#include "py_steps.h"

/* Whether `names` are a tuple of str. */
bool sage_are_names(PyObject *names);

/* A dict of the values by name, of which there are as many; a new reference, or NULL with an exception set. */
PyObject *sage_result_of(const AccumulatorObject *from, PyObject *names);

/* The pair of `key` and `result`, which is stolen and may be NULL: then so is this. */
PyObject *sage_with_key(PyObject *key, PyObject *result);

#endif
