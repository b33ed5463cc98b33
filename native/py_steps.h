/* What folds do with the records of a key: told by runtime/state/folding.py, which also says what the operations are. */
#ifndef SAGE_PY_STEPS_H
#define SAGE_PY_STEPS_H

#include "py_accumulator.h"
#include "py_selector.h"

enum { SAGE_SUM, SAGE_MIN, SAGE_MAX, SAGE_COUNT };

typedef struct {
    long operation;
    sage_selector value;
} sage_step;

typedef struct {
    sage_step steps[SAGE_MOST_STEPS];
    Py_ssize_t count;
    PyTypeObject *accumulator; /* NULL: the accumulator is the one value itself */
} sage_folding;

/* From a list of (operation, how, what), or a tuple of one; false with an exception set. */
bool sage_read_folding(PyObject *module, PyObject *steps, sage_folding *into);

/* `object`, if it is an accumulator of these steps; NULL with an exception set: user code may have had it in hands. */
AccumulatorObject *sage_accumulator_of(const sage_folding *by, PyObject *object);

/* What the steps make of the first record; a new reference, as below. */
PyObject *sage_first_accumulator(const sage_folding *by, PyObject *record);

/* What one step makes of a further one. */
PyObject *sage_added(const sage_step *by, PyObject *old, PyObject *record);

/* The same for all steps of an accumulator, in place: for all, or where one fails for none. */
bool sage_add_to_accumulator(const sage_folding *by, PyObject *accumulator, PyObject *record);

/* `to` becomes both, `from` being of the later records, or of those `before`; false with an exception set. */
bool sage_merge_accumulators(const sage_folding *by, AccumulatorObject *to, const AccumulatorObject *from, bool before);

/* One value of two, of which `second` is of the later records; a new reference. */
PyObject *sage_joined(long operation, PyObject *first, PyObject *second);

/* `first` becomes that of both; false where these are not numbers of one kind, or their sum is none within int64. */
static inline bool sage_join_slots(long operation, AccumulatorObject *first, Py_ssize_t i, bool is_whole,
                                   sage_slot second)
{
    sage_slot *slot = &first->slots[i];
    if (is_whole ? !sage_is_whole(first, i) : !sage_is_real(first, i))
        return false;
    if (operation == SAGE_SUM || operation == SAGE_COUNT) {
        sage_slot sum;
        if (!is_whole)
            sum.real = slot->real + second.real;
        else if (__builtin_add_overflow(slot->whole, second.whole, &sum.whole))
            return false;
        *slot = sum;
        return true;
    }
    bool is_less = is_whole ? second.whole < slot->whole : second.real < slot->real;
    bool is_more = is_whole ? second.whole > slot->whole : second.real > slot->real;
    if (operation == SAGE_MIN ? is_less : is_more)
        *slot = second;
    return true;
}

#endif
