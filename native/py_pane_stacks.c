#include "py_pane_row.h"
#include "py_results.h"

/* Both stacks of sliding windows (runtime/operators/windows/stacks.py), for values that are numbers.
 *
 * Keys have places, in the order in which they came. A row has a cell for each place, of which nobody else knows, so
 * windows are made by going along two rows, and no object is made for what two panes hold together. A pane is looked at
 * once, when its row is made; with a turn the rows of panes become the front. Cells never hold an object, so adding to
 * them runs nobody's code. Hashes and comparisons of keys may be the user's: meanwhile `is_busy` refuses whatever would
 * change the rows. */

enum { AHEAD = 16 }; /* Entries of a pane that are fetched at once: 32 are no faster. */

typedef struct {
    PyObject_HEAD
    PyObject *steps; /* what `of` points into */
    PyObject *names;
    PyObject *places; /* dict of key: place */
    PyObject *keys;   /* list of keys by place */
    sage_cells of;
    bool with_key, is_busy;
    Py_ssize_t per_slide, count, room;
    Py_ssize_t turned; /* so many of the rows are the front, all others panes */
    sage_row **rows;   /* of the front: a pane and those behind it up to the turn, or NULL when it was given */
    sage_row *back;    /* all panes that are not in the front */
} PaneStacksObject;

typedef struct {
    PyObject *key, *value;
    PyObject *place; /* borrowed from `places`; NULL for a key that has none yet */
} pane_entry;

/* The next entries of a pane, owned; none at its end. Keys and values lie anywhere, so all are fetched before the first
 * is waited for. */
static Py_ssize_t take_entries(PyObject *pane, Py_ssize_t *at, pane_entry *into)
{
    Py_ssize_t count = 0;
    while (count < AHEAD && PyDict_Next(pane, at, &into[count].key, &into[count].value)) {
        __builtin_prefetch(into[count].key, 1);
        __builtin_prefetch(into[count].value, 1);
        count++;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_INCREF(into[i].key);
        Py_INCREF(into[i].value);
    }
    return count;
}

static bool find_places(const PaneStacksObject *self, pane_entry *entries, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        entries[i].place = PyDict_GetItemWithError(self->places, entries[i].key);
        if (!entries[i].place && PyErr_Occurred())
            return false;
        __builtin_prefetch(entries[i].place);
    }
    return true;
}

/* -1 with an exception set. Never replaces a number that was found, however odd the key's comparisons are. */
static Py_ssize_t new_place(const PaneStacksObject *self, PyObject *key)
{
    PyObject *number = PyLong_FromSsize_t(PyList_GET_SIZE(self->keys));
    bool done = number && PyList_Append(self->keys, key) == 0;
    PyObject *place = done ? PyDict_SetDefault(self->places, key, number) : NULL;
    Py_XDECREF(number);
    return place ? PyLong_AsSsize_t(place) : -1;
}

/* Puts down what a pane has of a key, which it has once; 0 where a value is no number, -1 with an exception set. */
static int put_entry(const PaneStacksObject *self, sage_row *row, const pane_entry *entry)
{
    Py_ssize_t place = entry->place ? PyLong_AsSsize_t(entry->place) : new_place(self, entry->key);
    AccumulatorObject *from = place < 0 ? NULL : sage_accumulator_of(&self->of.by, entry->value);
    if (!from)
        return -1;
    if (!sage_are_numbers(from))
        return 0;
    if (!sage_lengthen_row(&self->of, row, place + 1))
        return -1;
    return sage_join_cells(&self->of, sage_cell_at(&self->of, row, place), from);
}

static int put_pane(const PaneStacksObject *self, sage_row *row, PyObject *pane)
{
    if (PyDict_GET_SIZE(pane) && !sage_lengthen_row(&self->of, row, PyList_GET_SIZE(self->keys)))
        return -1;
    pane_entry entries[AHEAD];
    Py_ssize_t at = 0, count;
    int done = 1;
    while (done > 0 && (count = take_entries(pane, &at, entries))) {
        done = find_places(self, entries, count) ? 1 : -1;
        for (Py_ssize_t i = 0; i < count; i++) {
            if (done > 0)
                done = put_entry(self, row, &entries[i]);
            Py_DECREF(entries[i].key);
            Py_DECREF(entries[i].value);
        }
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

static void drop_rows(PaneStacksObject *self, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        sage_release_row(self->rows[i]);
    self->count -= count;
    memmove(self->rows, self->rows + count, (size_t)self->count * sizeof(sage_row *));
}

static void clear_rows(PaneStacksObject *self)
{
    if (self->count)
        drop_rows(self, self->count);
    PyMem_Free(self->rows);
    self->rows = NULL;
    self->room = self->turned = 0;
    sage_release_row(self->back);
    self->back = NULL;
}

/* Without keys and rows; false with an exception set. */
static bool start_anew(PaneStacksObject *self)
{
    PyObject *places = PyDict_New(), *keys = PyList_New(0);
    sage_row *back = sage_new_row();
    if (!places || !keys || !back) {
        Py_XDECREF(places);
        Py_XDECREF(keys);
        sage_release_row(back);
        return false;
    }
    clear_rows(self);
    self->back = back;
    Py_XSETREF(self->places, places);
    Py_XSETREF(self->keys, keys);
    return true;
}

/* `row` is stolen. */
static bool append_row(PaneStacksObject *self, sage_row *row)
{
    if (self->count == self->room) {
        Py_ssize_t room = Py_MAX(16, self->room * 2);
        sage_row **rows = PyMem_Realloc(self->rows, (size_t)room * sizeof(sage_row *));
        if (!rows) {
            sage_release_row(row);
            PyErr_NoMemory();
            return false;
        }
        self->rows = rows;
        self->room = room;
    }
    self->rows[self->count++] = row;
    return true;
}

static int add(PaneStacksObject *self, PyObject *pane)
{
    sage_row *row = sage_new_row();
    int done = row ? put_pane(self, row, pane) : -1;
    if (done > 0)
        done = sage_join_rows(&self->of, self->back, row);
    if (done > 0)
        return append_row(self, row) ? 1 : -1;
    sage_release_row(row);
    return done;
}

/* From the last pane to the first, each becomes what it and those behind hold together, in its own row. */
static int join_fronts(PaneStacksObject *self)
{
    int done = 1;
    for (Py_ssize_t i = self->count - 2; done > 0 && i >= 0; i--) {
        sage_row *behind = self->rows[i + 1];
        if (self->rows[i]->length)
            done = sage_join_rows(&self->of, self->rows[i], behind);
        else {
            sage_release_row(self->rows[i]);
            self->rows[i] = behind;
            behind->shares++;
        }
        if (done > 0 && (i + 1) % self->per_slide) {
            sage_release_row(behind);
            self->rows[i + 1] = NULL;
        }
    }
    return done;
}

static PyObject *pane_stacks_turn(PyObject *object, PyObject *number)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    Py_ssize_t panes = PyLong_AsSsize_t(number);
    if (panes == -1 && PyErr_Occurred())
        return NULL;
    if (!enter(self))
        return NULL;
    sage_row *back = NULL;
    int done = -1;
    if (panes < 1 || panes > self->count - self->turned)
        PyErr_Format(PyExc_ValueError, "there are %zd panes behind the front, found %zd", self->count - self->turned,
                     panes);
    else if ((back = sage_new_row())) {
        drop_rows(self, self->count - panes);
        sage_release_row(self->back);
        self->back = back;
        self->turned = panes;
        done = join_fronts(self);
    }
    self->is_busy = false;
    if (done < 0)
        return NULL;
    return done ? PyLong_FromSsize_t(sage_keys_in(&self->of, self->rows[0])) : Py_NewRef(Py_None);
}

static PyObject *pane_stacks_add(PyObject *object, PyObject *pane)
{
    PaneStacksObject *self = (PaneStacksObject *)object;
    if (!PyDict_CheckExact(pane))
        return PyErr_Format(PyExc_TypeError, "expected add(pane: dict)");
    if (!enter(self))
        return NULL;
    int done = add(self, pane);
    self->is_busy = false;
    return done < 0 ? NULL : PyBool_FromLong(done);
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
    memcpy(both.bytes, front, self->of.bytes);
    PyObject *result =
        sage_merge_accumulators(&self->of.by, &both.head, back, false) ? sage_result_of(&both.head, self->names) : NULL;
    sage_clear_slots(&both.head);
    return result;
}

static const AccumulatorObject *cell_or_null(const PaneStacksObject *self, const sage_row *row, Py_ssize_t place)
{
    const AccumulatorObject *cell = place < row->length ? sage_cell_at(&self->of, row, place) : NULL;
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
    bool is_start = pane >= 0 && pane % self->per_slide == 0 && pane < self->turned;
    sage_row **front = is_start ? &self->rows[pane] : NULL;
    PyObject *results = NULL;
    if (!front || !*front || place < 0 || most < 1)
        PyErr_SetString(PyExc_ValueError, "there is no such window, or no such place in it");
    else if ((results = PyList_New(0))) {
        place = append_results(self, *front, place, most, results);
        if (place < 0)
            Py_CLEAR(results);
        else if (place == PyList_GET_SIZE(self->keys)) {
            sage_release_row(*front);
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
    self->of.by = by;
    self->of.bytes = offsetof(AccumulatorObject, slots) + (size_t)by.count * sizeof(sage_slot);
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
    {"turn", pane_stacks_turn, METH_O, "Have the last panes for the front."},
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
