#include "py_results.h"

/* Both stacks of sliding windows (runtime/operators/windows/stacks.py), for values that are numbers.
 *
 * Keys have places, in the order in which they came. A row has a cell for each place: an accumulator of which nobody else
 * knows, so windows are made by going along two rows, and no object is made for what two panes hold together. Cells never
 * hold an object, so they are copied as bytes and adding to them runs nobody's code. Hashes and comparisons of keys may
 * be the user's: meanwhile `is_busy` refuses whatever would change the rows. */

typedef struct {
    Py_ssize_t shares, length, room;
    char *cells;
} sage_row;

typedef struct {
    PyObject_HEAD
    PyObject *steps; /* what `by` points into */
    PyObject *names;
    PyObject *places; /* dict of key: place */
    PyObject *keys;   /* list of keys by place */
    sage_folding by;
    size_t cell_bytes;
    bool with_key, is_busy;
    Py_ssize_t per_slide, fronts;
    sage_row **front; /* what each slide's start and the panes behind it hold together, up to the turn */
    sage_row *back;
} PaneStacksObject;

static AccumulatorObject *cell_at(const PaneStacksObject *self, const sage_row *row, Py_ssize_t place)
{
    return (AccumulatorObject *)(row->cells + (size_t)place * self->cell_bytes);
}

static sage_row *new_row(void)
{
    sage_row *row = PyMem_Calloc(1, sizeof(sage_row));
    if (!row)
        return (sage_row *)PyErr_NoMemory();
    row->shares = 1;
    return row;
}

static void release_row(sage_row *row)
{
    if (!row || --row->shares)
        return;
    PyMem_Free(row->cells);
    PyMem_Free(row);
}

/* Cells up to `length`, the new ones empty. */
static bool lengthen(const PaneStacksObject *self, sage_row *row, Py_ssize_t length)
{
    if (length > row->room) {
        Py_ssize_t room = Py_MAX(length, row->room * 2);
        char *cells = PyMem_Realloc(row->cells, (size_t)room * self->cell_bytes);
        if (!cells) {
            PyErr_NoMemory();
            return false;
        }
        row->cells = cells;
        row->room = room;
    }
    if (length > row->length) {
        memset(cell_at(self, row, row->length), 0, (size_t)(length - row->length) * self->cell_bytes);
        row->length = length;
    }
    return true;
}

/* A row like `row`, which is given back. */
static sage_row *row_of_our_own(const PaneStacksObject *self, sage_row *row)
{
    if (row->shares == 1)
        return row;
    sage_row *copy = new_row();
    if (copy && lengthen(self, copy, row->length)) {
        if (row->length)
            memcpy(copy->cells, row->cells, (size_t)row->length * self->cell_bytes);
    }
    else if (copy) {
        release_row(copy);
        copy = NULL;
    }
    release_row(row);
    return copy;
}

/* The place of `key`, a new one if it has none; -1 with an exception set. */
static Py_ssize_t place_of(const PaneStacksObject *self, PyObject *key)
{
    PyObject *known = PyDict_GetItemWithError(self->places, key);
    if (known)
        return PyLong_AsSsize_t(known);
    if (PyErr_Occurred())
        return -1;
    Py_ssize_t place = PyList_GET_SIZE(self->keys);
    PyObject *number = PyLong_FromSsize_t(place);
    bool done = number && PyList_Append(self->keys, key) == 0 && PyDict_SetItem(self->places, key, number) == 0;
    Py_XDECREF(number);
    return done ? place : -1;
}

static bool are_numbers(const AccumulatorObject *of)
{
    return (of->wholes | of->reals) == (1u << of->count) - 1;
}

/* Adds what a pane has of a key; 0 where a value is no number, -1 with an exception set. */
static int add_one(const PaneStacksObject *self, sage_row *row, PyObject *key, PyObject *value, bool before)
{
    Py_ssize_t place = place_of(self, key);
    AccumulatorObject *from = place < 0 ? NULL : sage_accumulator_of(&self->by, value);
    if (!from)
        return -1;
    if (!are_numbers(from))
        return 0;
    if (!lengthen(self, row, place + 1))
        return -1;
    AccumulatorObject *to = cell_at(self, row, place);
    if (!to->count) {
        memcpy(&to->count, &from->count, self->cell_bytes - offsetof(AccumulatorObject, count));
        return 1;
    }
    if (!sage_merge_accumulators(&self->by, to, from, before))
        return -1;
    if (are_numbers(to))
        return 1;
    sage_clear_slots(to); /* a sum has become too large */
    return 0;
}

static int add_pane(const PaneStacksObject *self, sage_row *row, PyObject *pane, bool before)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    int done = 1;
    while (done > 0 && PyDict_Next(pane, &at, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        done = add_one(self, row, key, value, before);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    return done;
}

static bool enter(PaneStacksObject *self)
{
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the stacks are in use already");
        return false;
    }
    return self->is_busy = true;
}

static void clear_rows(PaneStacksObject *self)
{
    for (Py_ssize_t i = 0; i < self->fronts; i++)
        release_row(self->front[i]);
    PyMem_Free(self->front);
    self->front = NULL;
    self->fronts = 0;
    release_row(self->back);
    self->back = NULL;
}

/* Without keys and rows; false with an exception set. */
static bool start_anew(PaneStacksObject *self)
{
    PyObject *places = PyDict_New(), *keys = PyList_New(0);
    sage_row *back = new_row();
    if (!places || !keys || !back) {
        Py_XDECREF(places);
        Py_XDECREF(keys);
        release_row(back);
        return false;
    }
    clear_rows(self);
    self->back = back;
    Py_XSETREF(self->places, places);
    Py_XSETREF(self->keys, keys);
    return true;
}

static bool are_panes(PyObject *panes)
{
    if (!PyTuple_CheckExact(panes))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(panes); i++)
        if (!PyDict_CheckExact(PyTuple_GET_ITEM(panes, i)))
            return false;
    return true;
}

static int turn(PaneStacksObject *self, PyObject *panes)
{
    Py_ssize_t number = PyTuple_GET_SIZE(panes);
    if (!start_anew(self))
        return -1;
    Py_ssize_t fronts = (number + self->per_slide - 1) / self->per_slide;
    self->front = PyMem_Calloc((size_t)Py_MAX(fronts, 1), sizeof(sage_row *));
    sage_row *row = self->front ? new_row() : NULL;
    if (!row)
        return PyErr_Occurred() ? -1 : (PyErr_NoMemory(), -1);
    self->fronts = fronts;
    int done = 1;
    while (done > 0 && number-- > 0) {
        PyObject *pane = PyTuple_GET_ITEM(panes, number);
        if (PyDict_GET_SIZE(pane)) {
            row = row_of_our_own(self, row);
            done = row ? add_pane(self, row, pane, true) : -1;
        }
        if (done > 0 && number % self->per_slide == 0) {
            row->shares++;
            self->front[number / self->per_slide] = row;
        }
    }
    release_row(row);
    return done;
}

static PyObject *as_bool(int done)
{
    return done < 0 ? NULL : PyBool_FromLong(done);
}

static PyObject *pane_stacks_turn(PyObject *object, PyObject *panes)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    if (!are_panes(panes))
        return PyErr_Format(PyExc_TypeError, "expected turn(panes: tuple of dicts)");
    if (!enter(self))
        return NULL;
    int done = turn(self, panes);
    self->is_busy = false;
    return as_bool(done);
}

static PyObject *pane_stacks_add(PyObject *object, PyObject *pane)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    if (!PyDict_CheckExact(pane))
        return PyErr_Format(PyExc_TypeError, "expected add(pane: dict)");
    if (!enter(self))
        return NULL;
    int done = add_pane(self, self->back, pane, false);
    self->is_busy = false;
    return as_bool(done);
}

/* The result of both cells, of which either may be empty. */
static PyObject *result_of_both(const PaneStacksObject *self, const AccumulatorObject *front,
                                const AccumulatorObject *back)
{
    if (!front || !back)
        return sage_result_of(front ? front : back, self->names);
    union {
        AccumulatorObject head;
        char bytes[offsetof(AccumulatorObject, slots) + SAGE_MOST_STEPS * sizeof(sage_slot)];
    } both;
    memcpy(both.bytes, front, self->cell_bytes);
    PyObject *result =
        sage_merge_accumulators(&self->by, &both.head, back, false) ? sage_result_of(&both.head, self->names) : NULL;
    sage_clear_slots(&both.head);
    return result;
}

static const AccumulatorObject *cell_or_null(const PaneStacksObject *self, const sage_row *row, Py_ssize_t place)
{
    const AccumulatorObject *cell = place < row->length ? cell_at(self, row, place) : NULL;
    return cell && cell->count ? cell : NULL;
}

/* Appends the results from `place` on, at most so many; returns the place behind them, or -1 with an exception set. */
static Py_ssize_t append_results(const PaneStacksObject *self, const sage_row *front, Py_ssize_t place, Py_ssize_t most,
                                 PyObject *into)
{
    Py_ssize_t end = PyList_GET_SIZE(self->keys);
    for (; place < end && PyList_GET_SIZE(into) < most; place++) {
        const AccumulatorObject *first = cell_or_null(self, front, place);
        const AccumulatorObject *second = cell_or_null(self, self->back, place);
        if (!first && !second)
            continue;
        PyObject *result = result_of_both(self, first, second);
        if (self->with_key)
            result = sage_with_key(PyList_GET_ITEM(self->keys, place), result);
        bool done = result && PyList_Append(into, result) == 0;
        Py_XDECREF(result);
        if (!done)
            return -1;
    }
    return place;
}

static PyObject *pane_stacks_results(PyObject *object, PyObject *args)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    Py_ssize_t pane, place, most;
    if (!PyArg_ParseTuple(args, "nnn:results", &pane, &place, &most) || !enter(self))
        return NULL;
    bool is_start = pane >= 0 && pane % self->per_slide == 0 && pane / self->per_slide < self->fronts;
    sage_row **front = is_start ? &self->front[pane / self->per_slide] : NULL;
    PyObject *results = NULL;
    if (!front || !*front || place < 0 || most < 1)
        PyErr_SetString(PyExc_ValueError, "there is no such window, or no such place in it");
    else if ((results = PyList_New(0))) {
        place = append_results(self, *front, place, most, results);
        if (place < 0)
            Py_CLEAR(results);
        else if (place == PyList_GET_SIZE(self->keys)) {
            release_row(*front);
            *front = NULL;
        }
    }
    self->is_busy = false;
    return results ? Py_BuildValue("nN", place, results) : NULL;
}

static PyObject *pane_stacks_forget(PyObject *object, PyObject *unused)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    if (!enter(self))
        return NULL;
    bool done = start_anew(self);
    self->is_busy = false;
    return done ? Py_NewRef(Py_None) : NULL;
}

static Py_ssize_t pane_stacks_length(PyObject *self)
{
    return PyList_GET_SIZE(((PaneStacksObject *)self)->keys);
}

static PyObject *pane_stacks_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"steps", "names", "per_slide", "with_key", NULL};
    PyObject *steps, *result_names;
    Py_ssize_t per_slide;
    int with_key;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!Onp:PaneStacks", names, &PyList_Type, &steps, &result_names,
                                     &per_slide, &with_key))
        return NULL;
    PyObject *module = PyType_GetModule(type);
    sage_folding by;
    if (!module || !sage_read_folding(module, steps, &by))
        return NULL;
    if (!sage_are_names(result_names) || PyTuple_GET_SIZE(result_names) != by.count || per_slide < 1)
        return PyErr_Format(PyExc_ValueError, "expected a tuple with the name of each step, and panes of a slide");
    PaneStacksObject *self = (PaneStacksObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->steps = Py_NewRef(steps);
    self->names = Py_NewRef(result_names);
    self->by = by;
    self->cell_bytes = offsetof(AccumulatorObject, slots) + (size_t)by.count * sizeof(sage_slot);
    self->with_key = with_key;
    self->per_slide = per_slide;
    if (!start_anew(self))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void pane_stacks_dealloc(PyObject *object)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    clear_rows(self);
    Py_XDECREF(self->places);
    Py_XDECREF(self->keys);
    Py_XDECREF(self->names);
    Py_XDECREF(self->steps);
    sage_free_object(object);
}

static PyMethodDef methods[] = {
    {"turn", pane_stacks_turn, METH_O, "Start anew from the panes of a window."},
    {"add", pane_stacks_add, METH_O, "Add the pane behind those that are in the stacks."},
    {"results", pane_stacks_results, METH_VARARGS, "Some results of the window that starts with a pane."},
    {"forget", pane_stacks_forget, METH_NOARGS, "Hold nothing."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "What sliding windows hold, from panes of numbers."},
    {Py_tp_new, pane_stacks_new},
    {Py_tp_dealloc, pane_stacks_dealloc},
    {Py_tp_methods, methods},
    {Py_sq_length, pane_stacks_length},
    {0, NULL},
};

PyType_Spec sage_pane_stacks_spec = {
    .name = "sage_local._native.PaneStacks",
    .basicsize = sizeof(PaneStacksObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
