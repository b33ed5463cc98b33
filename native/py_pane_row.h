/* Rows of accumulators that hold numbers alone: what sliding windows are made of (py_pane_stacks.c). */
#ifndef SAGE_PY_PANE_ROW_H
#define SAGE_PY_PANE_ROW_H

#include "py_steps.h"

/* What all cells of some rows are alike in. */
typedef struct {
    sage_folding by;
    size_t bytes; /* of one */
} sage_cells;

/* A cell for each place; one without a count is empty. No cell ever holds an object. */
typedef struct {
    Py_ssize_t shares, length, room;
    char *cells;
} sage_row;

/* With one share and no cells; NULL with an exception set. */
sage_row *sage_new_row(void);

/* Gives a share back. The row may be NULL. */
void sage_release_row(sage_row *row);

/* Cells up to `length`, the new ones empty; false with an exception set. */
bool sage_lengthen_row(const sage_cells *of, sage_row *row, Py_ssize_t length);

/* `to` becomes both, `from` being of later panes; 0 where a value is no number any more, -1 with an exception set. */
int sage_join_cells(const sage_cells *of, AccumulatorObject *to, const AccumulatorObject *from);

/* The same for all cells. */
int sage_join_rows(const sage_cells *of, sage_row *to, const sage_row *from);

/* How many cells are not empty. */
Py_ssize_t sage_keys_in(const sage_cells *of, const sage_row *row);

static inline AccumulatorObject *sage_cell_at(const sage_cells *of, const sage_row *row, Py_ssize_t place)
{
    return (AccumulatorObject *)(row->cells + (size_t)place * of->bytes);
}

static inline bool sage_are_numbers(const AccumulatorObject *values)
{
    return (values->wholes | values->reals) == (1u << values->count) - 1;
}

#endif
