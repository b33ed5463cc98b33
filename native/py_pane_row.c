#include "py_pane_row.h"

sage_row *sage_new_row(void)
{
    sage_row *row = PyMem_Calloc(1, sizeof(sage_row));
    if (!row)
        return (sage_row *)PyErr_NoMemory();
    row->shares = 1;
    return row;
}

void sage_release_row(sage_row *row)
{
    if (!row || --row->shares)
        return;
    PyMem_Free(row->cells);
    PyMem_Free(row);
}

bool sage_lengthen_row(const sage_cells *of, sage_row *row, Py_ssize_t length)
{
    if (length > row->room) {
        Py_ssize_t room = Py_MAX(length, row->room * 2);
        char *cells = PyMem_Realloc(row->cells, (size_t)room * of->bytes);
        if (!cells) {
            PyErr_NoMemory();
            return false;
        }
        row->cells = cells;
        row->room = room;
    }
    if (length > row->length) {
        memset(sage_cell_at(of, row, row->length), 0, (size_t)(length - row->length) * of->bytes);
        row->length = length;
    }
    return true;
}

int sage_join_cells(const sage_cells *of, AccumulatorObject *to, const AccumulatorObject *from)
{
    if (!to->count) {
        memcpy(&to->count, &from->count, of->bytes - offsetof(AccumulatorObject, count));
        return 1;
    }
    if (!sage_merge_accumulators(&of->by, to, from, false))
        return -1;
    if (sage_are_numbers(to))
        return 1;
    sage_clear_slots(to); /* a sum has become too large */
    return 0;
}

int sage_join_rows(const sage_cells *of, sage_row *to, const sage_row *from)
{
    if (!sage_lengthen_row(of, to, from->length))
        return -1;
    int done = 1;
    for (Py_ssize_t place = 0; done > 0 && place < from->length; place++)
        if (sage_cell_at(of, from, place)->count)
            done = sage_join_cells(of, sage_cell_at(of, to, place), sage_cell_at(of, from, place));
    return done;
}

Py_ssize_t sage_keys_in(const sage_cells *of, const sage_row *row)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t place = 0; place < row->length; place++)
        count += sage_cell_at(of, row, place)->count != 0;
    return count;
}
