#!/usr/bin/env python3
"""Records of others, as their own packages make them: tests/data/codecs.txt.

    python3 -m venv venv
    venv/bin/pip install ess-streaming-data-types==VERSION msgpack \
        msgpack-numpy numpy
    venv/bin/python tests/data/make_codecs.py >tests/data/codecs.txt

Only who changes the records needs the packages.  A line is a name and the
bytes as hexadecimal digits.
"""
import importlib.metadata
import io

import msgpack
import msgpack_numpy
import numpy as np
from streaming_data_types.area_detector_ad00 import Attribute, serialise_ad00
from streaming_data_types.array_1d_se00 import Location, serialise_se00
from streaming_data_types.dataarray_da00 import Variable, serialise_da00
from streaming_data_types.eventdata_ev43 import serialise_ev43
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import serialise_f144
from streaming_data_types.status_x5f2 import serialise_x5f2

NS = 1795939200123456789  # 2026-11-29T08:00:00.123456789Z


def show(name, data):
    print(name, bytes(data).hex())


def f144():
    for name, value in {
        "f144_double": np.float64(21.5),
        "f144_int32": np.int32(-7),
        "f144_zero": np.int64(0),
        "f144_large": np.uint64(2**63 + 1),
        "f144_float_array": np.array([1.5, -2, 3], dtype="f4"),
        "f144_uint16_array": np.array([1, 65535], dtype="u2"),
        "f144_int8_array": np.array([-1, 2, 3, 4], dtype="i1"),
    }.items():
        show(name, serialise_f144("TEST:pv", value, NS))


def da00():
    tof = Variable("tof", np.arange(4.0), axes=["tof"], unit="ns")
    show("da00_signal", serialise_da00("detector", NS, [
        Variable("signal", np.array([[1.5, 2, 3], [4, 5, 6]]),
                 axes=["y", "tof"], unit="counts"),
        Variable("errors", np.ones((2, 3)), axes=["y", "tof"]),
        tof,
    ]))
    show("da00_histogram", serialise_da00("monitor", NS, [
        Variable("counts", np.array([3, 1, 4], dtype="i4"), axes=["tof"]),
        tof,
    ]))
    show("da00_frames", serialise_da00("camera", NS, [
        Variable("data", np.arange(12, dtype="u2").reshape(2, 2, 3),
                 axes=["t", "y", "x"]),
    ]))
    show("da00_columns", serialise_da00("station", NS, [
        Variable("temp", np.array([20.5, 21]), axes=["t"], unit="degC"),
        Variable("hum", np.array([50, 51], dtype="i8"), axes=["t"]),
        Variable("site", "north"),
        Variable("gain", np.array(2.0, dtype="f4")),
    ]))
    show("da00_float", serialise_da00("camera", NS, [
        Variable("signal", np.array([[1.5, 2], [3, 4]], dtype="f4"),
                 axes=["y", "x"]),
    ]))


def npy():
    def show_npy(name, x):
        out = io.BytesIO()
        np.save(out, x)
        show(name, out.getvalue())

    image = np.arange(6, dtype="u2").reshape(2, 3)
    show_npy("npy_image", image)
    show_npy("npy_fortran", np.asfortranarray(image.astype("f8")))
    show_npy("npy_frames", np.arange(8, dtype=">f4").reshape(2, 2, 2))
    rows = np.zeros(2, dtype=[("ts", "i8"), ("temp", "f4"), ("hum", "f8")])
    rows["ts"] = NS, NS + 1
    rows["temp"] = 20.5, 21
    rows["hum"] = 50, 51
    show_npy("npy_records", rows)


def others():
    show("x5f2", serialise_x5f2("filewriter", "1.0", "id", "host", 1, 5, "{}"))
    show("ev43", serialise_ev43("det", 1, [NS], [0], [1, 2], [3, 4]))


def ev44():
    show("ev44_pulses", serialise_ev44(
        "det", 7, [NS, NS + 71428571, NS + 142857142], [0, 2, 2],
        [1000, 2500, 700], [12, 9, 4096]))
    show("ev44_monitor", serialise_ev44("mon", 1, [NS], [0], [5, 6], []))
    show("ev44_empty", serialise_ev44("det", 8, [NS], [0], [], []))
    show("ev44_uneven", serialise_ev44("det", 1, [NS], [0], [1, 2, 3], [4]))
    show("ev44_index", serialise_ev44("det", 1, [NS, NS], [0, 9], [1, 2],
                                      [3, 4]))


def se00():
    def series(name, values, step=0, **more):
        show(name, serialise_se00("adc", 3, NS, step, 1, values, **more))

    series("se00_double", np.array([1.5, -2.0, 3.25]), 1e9)
    series("se00_float", np.array([0.5, 4], dtype="f4"),
           value_timestamps=np.array([NS - 500, NS], dtype="i8"))
    series("se00_uint16", np.array([1, 65535], dtype="u2"),
           ts_location=Location.End)
    series("se00_int64", np.array([-1, 2**53 + 1], dtype="i8"))
    series("se00_times", np.array([1, 2, 3], dtype="i1"),
           value_timestamps=np.array([NS], dtype="i8"))


def ad00():
    def image(name, data, *attributes):
        show(name, serialise_ad00("cam", 1, NS, data, list(attributes)))

    image("ad00_uint16", np.array([[1, 2, 3], [4, 5, 65535]], dtype="u2"),
          Attribute("gain", "of the chip", "PV:gain", 2.5),
          Attribute("mode", "", "PV:mode", "fast"))
    image("ad00_double", np.array([[1.5, 2], [3, 4]]))
    image("ad00_stack", np.arange(8, dtype="i4").reshape(2, 2, 2))
    image("ad00_text", "no image")


def bluesky():
    def pack(name, doc):
        return msgpack.packb((name, doc), default=msgpack_numpy.encode)

    uid = "b9a1c1a6-1f3d-4a53-9d2b-3a4d7f0f6c11"
    show("bluesky_start", pack("start", {"uid": uid, "time": NS / 1e9,
                                         "plan_name": "scan"}))
    show("bluesky_descriptor", pack("descriptor", {
        "uid": uid, "name": "primary", "data_keys": {
            "det": {"dtype": "number", "shape": [], "source": "PV"}}}))
    show("bluesky_event", pack("event", {
        "descriptor": uid, "uid": uid, "seq_num": 1, "time": NS / 1e9,
        "data": {"det": np.float64(1.5), "motor": 2,
                 "image": np.arange(6, dtype=">i2").reshape(2, 3),
                 "spectrum": np.array([0.5, 0.25], dtype="f4"),
                 "label": "x"},
        "timestamps": {"det": NS / 1e9, "motor": NS / 1e9}, "filled": {}}))
    show("bluesky_fortran", pack("event", {
        "descriptor": uid, "uid": uid, "seq_num": 2, "time": NS / 1e9,
        "data": {"image": np.asfortranarray(
            np.arange(6, dtype="f8").reshape(2, 3))}, "timestamps": {}}))
    show("bluesky_page", pack("event_page", {
        "descriptor": uid, "uid": [uid] * 3, "seq_num": [1, 2, 3],
        "time": [NS / 1e9 - 2, NS / 1e9 - 1, NS / 1e9],
        "data": {"det": [1.5, 2.5, 3.5], "motor": [1, 2, 3],
                 "mca": [np.array([1, 2], dtype="i4")] * 3},
        "timestamps": {"det": [1.0, 2.0, 3.0]}, "filled": {}}))
    show("bluesky_external", pack("event", {
        "descriptor": uid, "uid": uid, "seq_num": 1, "time": NS / 1e9,
        "data": {"det": "b9a1c1a6/0"}, "timestamps": {},
        "filled": {"det": False}}))
    show("bluesky_stop", pack("stop", {"uid": uid, "time": NS / 1e9,
                                       "exit_status": "success"}))


def plain():
    show("msgpack_map", msgpack.packb({"a": 1.5, "b": -300, "s": "text",
                                       "d": {"c": True, "n": None}}))
    show("msgpack_rows", msgpack.packb([{"a": 1, "b": 2}, {"b": 4, "a": 3}]))
    show("msgpack_lists", msgpack.packb([[1, 2, 3.5], [4, 5, 2**63]]))
    show("msgpack_array", msgpack.packb(
        np.arange(6, dtype="f4").reshape(3, 2),
        default=msgpack_numpy.encode))
    show("msgpack_old", msgpack.packb(
        {"a": np.array([1, 2], dtype="<f8")}, default=msgpack_numpy.encode,
        use_bin_type=False))
    show("msgpack_masked", msgpack.packb(
        {"a": np.ma.masked_array([1.0, -9999.0], [False, True]), "b": 1.0},
        default=msgpack_numpy.encode))
    show("msgpack_objects", msgpack.packb(
        {"a": np.array(["x", "yz"]), "b": 1.0},
        default=msgpack_numpy.encode))


if __name__ == "__main__":
    print("# make_codecs.py:", ", ".join(
        f"{p} {importlib.metadata.version(p)}" for p in (
            "ess-streaming-data-types", "msgpack", "msgpack-numpy", "numpy")))
    f144()
    da00()
    ev44()
    se00()
    ad00()
    others()
    bluesky()
    plain()
    npy()
