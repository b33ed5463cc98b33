/* Key groups, and rows dealt out by them. */
#include "py_module.h"

#include "py_keys.h"

/* As in Flink; also what keeps the table of targets in the first-level cache. */
#define MAX_MAX_PARALLELISM 32768

typedef struct {
    uint64_t groups;
    uint64_t mask; /* groups - 1 when that is a power of two, else 0: a division costs as much as the hash */
    sage_buffer scratch;
} grouping;

static bool start_grouping(grouping *work, PyObject *max_parallelism)
{
    Py_ssize_t groups = PyLong_AsSsize_t(max_parallelism);
    if (groups == -1 && PyErr_Occurred())
        return false;
    if (groups < 1 || groups > MAX_MAX_PARALLELISM) {
        PyErr_Format(PyExc_ValueError, "max_parallelism must be between 1 and %d, found %zd", MAX_MAX_PARALLELISM,
                     groups);
        return false;
    }
    *work = (grouping){.groups = (uint64_t)groups};
    if ((groups & (groups - 1)) == 0)
        work->mask = (uint64_t)groups - 1;
    return true;
}

/* Notes on the exception at hand which row it is about; where it takes no attributes the note is missing. */
static void blame_row(Py_ssize_t row)
{
    PyObject *number = NULL;
#if PY_VERSION_HEX >= 0x030c0000
    PyObject *error = PyErr_GetRaisedException();
    if (!(number = PyLong_FromSsize_t(row)) || PyObject_SetAttrString(error, "row", number) < 0)
        PyErr_Clear();
    PyErr_SetRaisedException(error);
#else
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (!(number = PyLong_FromSsize_t(row)) || PyObject_SetAttrString(error, "row", number) < 0)
        PyErr_Clear();
    PyErr_Restore(type, error, traceback);
#endif
    Py_XDECREF(number);
}

/* The key group of every key into `result`. `other` runs user code, which must not change the list under us. */
static bool group_keys(grouping *work, PyObject *keys, Py_ssize_t rows, PyObject *other, uint16_t *result)
{
    for (Py_ssize_t row = 0; row < rows; row++) {
        uint64_t hash;
        PyObject *key = Py_NewRef(PyList_GET_ITEM(keys, row));
        bool done = sage_hash_key(&work->scratch, key, other, &hash);
        Py_DECREF(key);
        if (!done) {
            blame_row(row);
            return false;
        }
        /* After the last one too: whoever asked goes by the size. */
        if (PyList_GET_SIZE(keys) != rows) {
            PyErr_SetString(PyExc_RuntimeError, "keys changed size while they were hashed");
            return false;
        }
        result[row] = (uint16_t)(work->mask || work->groups == 1 ? hash & work->mask : hash % work->groups);
    }
    return true;
}

/* Allocated with PyMem_Free as its end; NULL with an exception set. */
static uint16_t *groups_of(PyObject *keys, PyObject *max_parallelism, PyObject *other)
{
    grouping work;
    if (!PyList_Check(keys)) {
        PyErr_Format(PyExc_TypeError, "keys must be a list, found %s", Py_TYPE(keys)->tp_name);
        return NULL;
    }
    if (!start_grouping(&work, max_parallelism))
        return NULL;
    Py_ssize_t rows = PyList_GET_SIZE(keys);
    uint16_t *groups = PyMem_New(uint16_t, rows + 1);
    if (!groups)
        PyErr_NoMemory();
    else if (!group_keys(&work, keys, rows, other, groups)) {
        PyMem_Free(groups);
        groups = NULL;
    }
    sage_buffer_free(&work.scratch);
    return groups;
}

PyObject *sage_py_key_groups(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "expected key_groups(keys, max_parallelism, other)");
    uint16_t *groups = groups_of(args[0], args[1], args[2]);
    if (!groups)
        return NULL;
    Py_ssize_t rows = PyList_GET_SIZE(args[0]);
    PyObject *result = PyList_New(rows);
    for (Py_ssize_t row = 0; result && row < rows; row++) {
        PyObject *group = PyLong_FromLong(groups[row]);
        if (!group)
            Py_CLEAR(result);
        else
            PyList_SET_ITEM(result, row, group);
    }
    PyMem_Free(groups);
    return result;
}

/* Group -> target in place, and how many rows each target gets. */
static void aim(uint16_t *groups, Py_ssize_t rows, Py_ssize_t targets, Py_ssize_t max_parallelism, Py_ssize_t *counts)
{
    uint16_t target_of[MAX_MAX_PARALLELISM];
    for (Py_ssize_t group = 0; group < max_parallelism; group++)
        target_of[group] = (uint16_t)(group * targets / max_parallelism);
    for (Py_ssize_t row = 0; row < rows; row++) {
        uint16_t target = target_of[groups[row]];
        groups[row] = target;
        counts[target]++;
    }
}

/* One tuple of empty-slotted lists per target. Allocation may run the garbage collector, and that any code, so the
 * columns are checked after it. */
static PyObject *make_result(PyObject *columns, Py_ssize_t targets, const Py_ssize_t *counts)
{
    Py_ssize_t width = PyTuple_GET_SIZE(columns);
    PyObject *result = PyList_New(targets);
    for (Py_ssize_t target = 0; result && target < targets; target++) {
        PyObject *part = PyTuple_New(width);
        if (!part) {
            Py_CLEAR(result);
            break;
        }
        PyList_SET_ITEM(result, target, part);
        for (Py_ssize_t column = 0; column < width; column++) {
            PyObject *list = PyList_New(counts[target]);
            if (!list) {
                Py_CLEAR(result);
                return NULL;
            }
            PyTuple_SET_ITEM(part, column, list);
        }
    }
    return result;
}

static bool columns_fit(PyObject *columns, Py_ssize_t rows)
{
    for (Py_ssize_t column = 0; column < PyTuple_GET_SIZE(columns); column++) {
        PyObject *list = PyTuple_GET_ITEM(columns, column);
        if (!PyList_Check(list)) {
            PyErr_Format(PyExc_TypeError, "column %zd must be a list, found %s", column, Py_TYPE(list)->tp_name);
            return false;
        }
        if (PyList_GET_SIZE(list) != rows) {
            PyErr_Format(PyExc_ValueError, "column %zd has %zd rows, the keys %zd", column, PyList_GET_SIZE(list),
                         rows);
            return false;
        }
    }
    return true;
}

static void deal(PyObject *columns, Py_ssize_t rows, const uint16_t *target_of, Py_ssize_t *next, Py_ssize_t targets,
                 PyObject *result)
{
    for (Py_ssize_t column = 0; column < PyTuple_GET_SIZE(columns); column++) {
        PyObject *list = PyTuple_GET_ITEM(columns, column);
        memset(next, 0, (size_t)targets * sizeof *next);
        for (Py_ssize_t row = 0; row < rows; row++) {
            Py_ssize_t target = target_of[row];
            PyObject *part = PyTuple_GET_ITEM(PyList_GET_ITEM(result, target), column);
            PyList_SET_ITEM(part, next[target]++, Py_NewRef(PyList_GET_ITEM(list, row)));
        }
    }
}

static PyObject *partition(PyObject *const *args, Py_ssize_t targets, Py_ssize_t *counts)
{
    uint16_t *groups = groups_of(args[0], args[3], args[4]);
    if (!groups)
        return NULL;
    Py_ssize_t rows = PyList_GET_SIZE(args[0]);
    aim(groups, rows, targets, PyLong_AsSsize_t(args[3]), counts);
    PyObject *result = make_result(args[1], targets, counts);
    if (result && columns_fit(args[1], rows))
        deal(args[1], rows, groups, counts, targets, result);
    else
        Py_CLEAR(result);
    PyMem_Free(groups);
    return result;
}

PyObject *sage_py_partition(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5)
        return PyErr_Format(PyExc_TypeError, "expected partition(keys, columns, targets, max_parallelism, other)");
    if (!PyTuple_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "columns must be a tuple, found %s", Py_TYPE(args[1])->tp_name);
    Py_ssize_t targets = PyLong_AsSsize_t(args[2]);
    if (targets == -1 && PyErr_Occurred())
        return NULL;
    if (targets < 1 || targets > MAX_MAX_PARALLELISM)
        return PyErr_Format(PyExc_ValueError, "targets must be between 1 and %d, found %zd", MAX_MAX_PARALLELISM,
                            targets);
    Py_ssize_t *counts = PyMem_Calloc((size_t)targets, sizeof *counts);
    if (!counts)
        return PyErr_NoMemory();
    PyObject *result = partition(args, targets, counts);
    PyMem_Free(counts);
    return result;
}
