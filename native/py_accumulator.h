/* The accumulator of several steps: a value for each, ints within int64 and floats without an object of their own. So a
 * key is one small block that the collector does not look at, and adding to it allocates nothing. */
#ifndef SAGE_PY_ACCUMULATOR_H
#define SAGE_PY_ACCUMULATOR_H

#include "py_module.h"

enum { SAGE_MOST_STEPS = 16 };

typedef union {
    int64_t whole;
    double real;
    PyObject *object; /* any other value */
} sage_slot;

typedef struct {
    PyObject_HEAD
    uint16_t count;
    uint16_t wholes; /* a bit for each slot: its value is `whole` */
    uint16_t reals;  /* it is `real` */
    sage_slot slots[];
} AccumulatorObject;

/* 1 to SAGE_MOST_STEPS zeros. */
AccumulatorObject *sage_new_accumulator(PyTypeObject *type, Py_ssize_t count);

/* The value of a slot; a new reference. */
PyObject *sage_slot_value(const AccumulatorObject *self, Py_ssize_t i);

/* Replaces it by `value`, which is stolen. May run any Python code: what was there is let go. */
void sage_set_slot(AccumulatorObject *self, Py_ssize_t i, PyObject *value);

/* Lets go of the values. */
void sage_clear_slots(AccumulatorObject *self);

static inline bool sage_is_whole(const AccumulatorObject *self, Py_ssize_t i)
{
    return self->wholes >> i & 1;
}

static inline bool sage_is_real(const AccumulatorObject *self, Py_ssize_t i)
{
    return self->reals >> i & 1;
}

#endif
