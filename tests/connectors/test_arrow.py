"""The source of Arrow data in memory."""

import pickle

import pyarrow as pa

from sage_local.connectors.arrow import arrow_source


def test_slices_travel_to_the_workers_without_what_they_are_slices_of():
    whole = pa.table({"number": range(100_000), "text": [str(number) for number in range(100_000)]})
    source = arrow_source(whole.to_batches(max_chunksize=1000))
    pickled = pickle.dumps(source)
    assert len(pickled) < 2 * whole.nbytes
    reader = pickle.loads(pickled).open_split(None)
    batches = iter(lambda: reader.poll(1000), None)
    assert pa.Table.from_batches(list(batches)).equals(whole)
