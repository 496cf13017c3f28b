#!/bin/bash
# msgpack-numpy 0.4.8, which writes the arrays in documents of bluesky: what
# becomes of the mask of a numpy.ma array, as readings with missing values are?
#
# Guess: an error, as for other arrays it does not know (times: "cannot include
# dtype 'M' in a buffer"), or the mask travels.
#
# Seen: neither.  `data` of a masked array is an array itself, so it is packed as
# an array within the array, without an error; what is unpacked is a plain array
# with the values that were masked:
#   sent     [1.0 --]
#   received [ 1.000e+00 -9.999e+03] ndarray
# A reader can tell by the shape of the record: `data` is a map, and no bytes.
# Which values were masked, nobody can tell any more.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check msgpack-numpy==0.4.8 \
    msgpack==1.2.4 numpy==2.4.6
venv/bin/python - <<'P'
import msgpack
import msgpack_numpy
import numpy as np

x = np.ma.masked_array([1.0, -9999.0], [False, True])
p = msgpack.packb(x, default=msgpack_numpy.encode)
y = msgpack.unpackb(p, object_hook=msgpack_numpy.decode)
print("sent    ", x)
print("received", y, type(y).__name__)
P
