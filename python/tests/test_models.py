"""Objects of users, estimators, pipelines, errors: without any service."""
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import objects
import pilot_edge as pe
from pilot_edge import _learner, _run, errors, model, parts


def learner(obj):
    it = _learner.Learner("objects.py:" + obj)
    it.load(b"")
    return it


def written(metadata, **tensors):
    """A safetensors file of these."""
    names = {"<f8": "F64", "<f4": "F32", "<i8": "I64", "<u8": "U64"}
    head, body = {"__metadata__": metadata}, b""
    for name, t in tensors.items():
        head[name] = {"dtype": names[t.dtype.str], "shape": t.shape,
                      "data_offsets": [len(body), len(body) + t.nbytes]}
        body += t.tobytes()
    text = json.dumps(head).encode()
    f = tempfile.NamedTemporaryFile(suffix=".safetensors")
    f.write(struct.pack("<Q", len(text)) + text + body)
    f.flush()
    return f


META = {"format": "pilot-edge.model.v1", "kind": "kmeans", "version": "3",
        "commit": "ab", "points": "10", "threshold": "2.5", "features": "2",
        "warming": "0"}


class Learning(unittest.TestCase):
    X = np.random.default_rng(7).normal(size=(500, 3))

    def setUp(self):
        os.chdir(os.path.dirname(os.path.abspath(__file__)))

    def test_state(self):
        """What goes on from a state is what went on without it."""
        a = learner("Gauss")
        self.assertTrue(np.isnan(a.answer(_learner.LEARN, self.X, b"")).all())
        state = a.answer(_learner.STATE, None, b"")
        b = _learner.Learner("objects.py:Gauss")
        b.answer(_learner.LOAD, None, state)
        for x in (self.X[:100] + 1, self.X[100:] - 2):
            np.testing.assert_array_equal(a.answer(_learner.LEARN, x, b""),
                                          b.answer(_learner.LEARN, x, b""))
        self.assertEqual(a.state(), b.state())
        self.assertEqual(a.rows, 1000)

    def test_masked(self):
        a, x = learner("Gauss"), self.X.copy()
        a.answer(_learner.LEARN, x, b"")
        x[3, 1], x[5, 0] = np.nan, np.inf
        scores = a.answer(_learner.LEARN, x, b"")
        self.assertEqual(list(np.flatnonzero(np.isnan(scores))), [3, 5])
        self.assertEqual(a.rows, 998)

    def test_after(self):
        self.assertTrue(np.isfinite(
            learner("Gauss").answer(_learner.AFTER, self.X, b"")).all())

    def test_touched(self):
        a = learner("Picky")
        with self.assertRaisesRegex(ValueError, "no such block"):
            a.answer(_learner.LEARN, np.zeros((1000, 3)), b"")
        self.assertTrue(a.touched)

    def test_wrong(self):
        for obj, said in (("NoScores", "NoScores gives no scores"),
                          ("Scaler", "Scaler gives no scores"),
                          ("Fitted", r"Fitted has no partial_fit: .*"
                                     r"pe.Window\(Fitted\(...\)\)")):
            with self.assertRaisesRegex(TypeError, said):
                learner(obj)
        a = learner("Wrong")
        a.answer(_learner.LEARN, self.X, b"")
        with self.assertRaisesRegex(ValueError, r"scores of shape \(500, 2\)"):
            a.answer(_learner.LEARN, self.X, b"")

    def test_bounded(self):
        os.environ["PILOT_MOST"] = "100000"
        try:
            a = learner("Gauss")
        finally:
            del os.environ["PILOT_MOST"]
        a.model.ballast = np.zeros(20000)
        with self.assertRaisesRegex(
                ValueError, "Gauss pickled is more than the 100,000 bytes"):
            a.state()

    def test_window(self):
        class Far:
            def fit(self, x):
                self.mean, self.n = x.mean(axis=0), len(x)

            def score_samples(self, x):
                return -np.abs(x - self.mean).sum(axis=1)

        w = pe.Window(Far(), rows=300, every=100)
        for i in range(10):
            w.partial_fit(self.X[:50] + i)
        self.assertEqual(w.detector.n, 300)
        self.assertEqual(_learner.scorer_of(w)(self.X).shape, (500,))


class Estimators(unittest.TestCase):
    def test_kmeans(self):
        with written(META, centers=np.array([[0.0, 0], [10, 0]])) as f:
            m = pe.load_model(f.name)
        x = [[0, 2], [10, -3], [np.nan, 0]]
        np.testing.assert_array_equal(m.scores(x), [2, 3, np.nan])
        np.testing.assert_array_equal(m.score_samples(x), [-2, -3, np.nan])
        np.testing.assert_array_equal(m.decision_function(x), [.5, -.5, np.nan])
        np.testing.assert_array_equal(m.predict(x), [1, -1, -1])
        np.testing.assert_array_equal(m.labels(x[:2]), [0, 1])
        again = pickle.loads(pickle.dumps(m))
        np.testing.assert_array_equal(again.scores(x), m.scores(x))
        self.assertIn("version 3", repr(again))
        self.assertIn("<table>", m._repr_html_())
        with self.assertRaisesRegex(ValueError, "the model has 2 features"):
            m.predict([[1, 2, 3]])

    def test_following(self):
        with written(META, centers=np.zeros((1, 2))) as old, \
                written(dict(META, version="4"),
                        centers=np.ones((1, 2))) as new:
            files = [None, new.name, None]
            m = model.following(pe.load_model(old.name),
                                lambda: files.pop(0))
            self.assertEqual([m.scores([[0, 0]])[0], m.version], [0, 3])
            self.assertEqual(m.scores([[1, 1]])[0], 0)
            self.assertEqual(m.version, 4)
            still = pickle.loads(pickle.dumps(m))
            self.assertIs(type(still), model.KMeansModel)
            self.assertEqual(still.version, 4)

    def test_no_model(self):
        for data in (b"", b"12345678", struct.pack("<Q", 2) + b"{}",
                     struct.pack("<Q", 1 << 60) + b"{}"):
            with tempfile.NamedTemporaryFile() as f:
                f.write(data)
                f.flush()
                with self.assertRaises(pe.DataError):
                    pe.load_model(f.name)


class Pipelines(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.at = parts.Folder(lambda: self.folder.name)

    def make(self, *args, **kw):
        return _run.pipeline(*args, folder=self.at, **kw)

    def test_local(self):
        p = self.make(np.ones((4, 2)), pe.kmeans(clusters=2), points=2)
        self.assertEqual(list(p["pilots"]), ["pool"])
        self.assertEqual(p["results"], "off")
        self.assertEqual(p["stages"]["learn"],
                         {"pilot": "pool", "function": "kmeans",
                          "options": {"clusters": 2}})
        path = p["stages"]["sense"]["options"]["path"]
        np.testing.assert_array_equal(np.load(path), np.ones((4, 2)))

    def test_devices(self):
        p = self.make("data.csv", "iforest", devices=3, ranks=2,
                      stages=["standardise", objects.same], epoch={"blocks": 8})
        self.assertEqual(p["pilots"]["devices"]["devices"], 3)
        self.assertEqual(p["stages"]["sense"]["pilot"], "devices")
        self.assertEqual(p["stages"]["stage1"]["function"], "standardise")
        command = p["stages"]["stage2"]["options"]["command"]
        self.assertRegex(command, r"-m pilot_edge stage .*objects.py:same$")

    def test_objects(self):
        for given, name in ((objects.Gauss, r"objects.py:Gauss$"),
                            (objects.Gauss(), r"model_as_given.py:make$"),
                            ("mine:make", r"^mine:make$")):
            p = self.make("x.csv", given)
            self.assertEqual(p["stages"]["learn"]["function"], "python")
            self.assertRegex(p["stages"]["learn"]["options"]["object"], name)
        from pilot_edge._serve import load
        made = load(self.folder.name + "/model_as_given.py:make")()
        self.assertIsInstance(made, objects.Gauss)

    def test_unrun(self):
        """What a pipeline needs goes with its run, or with the process."""
        p = _run.pipeline(np.ones((4, 2)), objects.Gauss())
        path = p["stages"]["sense"]["options"]["path"]
        q = _run._bring(dict(p), self.at)
        brought = q["stages"]["sense"]["options"]["path"]
        at = os.path.dirname(brought)
        self.assertEqual(os.path.dirname(at), self.folder.name)
        np.testing.assert_array_equal(np.load(brought), np.ones((4, 2)))
        self.assertEqual(q["stages"]["learn"]["options"]["object"],
                         at + "/model_as_given.py:make")
        self.assertTrue(os.path.exists(at + "/model.pickle"))
        self.assertEqual(_run._bring(p, self.at), q)
        self.assertEqual(_run._bring(q, self.at), q)
        _run._remove(os.path.dirname(path), os.getpid() + 1)
        self.assertTrue(os.path.exists(path))
        _run._remove(os.path.dirname(path), os.getpid())
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        self.assertTrue(os.path.exists(brought))

    def test_left(self):
        """A process that ends leaves nothing, but where it was told to."""
        script = ("import numpy as np, pilot_edge as pe, sys\n"
                  "pe.pipeline(np.ones((4, 2)), 'kmeans')\n"
                  "p = pe.pipeline(np.ones((4, 2)), 'kmeans', folder='kept')\n"
                  "print(p['stages']['sense']['options']['path'])\n")
        at = os.path.realpath(self.folder.name)
        os.mkdir(at + "/tmp")
        out = subprocess.run(
            [sys.executable, "-c", script], cwd=at, check=True,
            stdout=subprocess.PIPE, env=dict(
                os.environ, TMPDIR=at + "/tmp", HOME=at, XDG_CACHE_HOME=at,
                PYTHONPATH=os.path.dirname(os.path.dirname(parts.__file__))))
        self.assertEqual(os.listdir(at + "/tmp"), [])
        self.assertEqual(sorted(os.listdir(at)), ["kept", "tmp"])
        self.assertEqual(out.stdout.decode().strip(),
                         at + "/kept/source.npy")
        with self.assertRaisesRegex(pe.CannotCreate, "folder='/dev/null/x'"):
            _run.pipeline(np.ones((4, 2)), "kmeans", folder="/dev/null/x")

    def test_wrong(self):
        for args, error in ((("x.csv", objects.NoScores()), TypeError),
                            (("x.csv", objects.Fitted()), TypeError),
                            ((objects.same, "kmeans"), TypeError),
                            ((np.ones(3), "kmeans"), ValueError),
                            (("x.csv",), pe.UsageError)):
            with self.assertRaises(error):
                self.make(*args)
        with self.assertRaises(pe.UsageError):
            pe.run("a.yaml", ranks=2)
        with self.assertRaises(pe.UsageError):
            pe.run()


class Errors(unittest.TestCase):
    def test_classes(self):
        for code, kind in ((1, pe.RunFailed), (64, pe.UsageError),
                           (65, pe.DataError), (69, pe.Unreachable),
                           (73, pe.CannotCreate), (75, pe.TryAgain),
                           (77, pe.PermissionDenied), (78, pe.ConfigError),
                           (124, pe.WaitTimeout), (143, pe.Stopped),
                           (-9, pe.Stopped), (70, pe.PilotError)):
            e = errors.error_of(code, "why")
            self.assertIs(type(e), kind)
            self.assertEqual(str(e), "why")
            self.assertEqual(e.exit_code, 128 - code if code < 0 else code)


class Answers(unittest.TestCase):
    def test_results(self):
        data = np.array([(5, 0, 1.0, 0, 7.0), (6, 1, 3.0, 1, 8.0),
                         (7, 2, 4.0, 1, 9.0)],
                        [("time_ns", "<i8"), ("row", "<i8"), ("score", "<f4"),
                         ("label", "<i1"), ("x<0", "<f8")])
        r = pe.Results(data, {"threshold": 2.5})
        self.assertEqual(list(r.outliers.rows), [2, 1])
        self.assertEqual([len(r), r.columns, r.threshold], [3, ["x<0"], 2.5])
        np.testing.assert_array_equal(r.values, [[7], [8], [9]])
        self.assertEqual(len(r[1:]), 2)
        self.assertIn("x&lt;0", r._repr_html_())
        lines = str(r).splitlines()
        self.assertIn("3 rows, 2 outliers, threshold 2.5", lines[0])
        self.assertEqual([line.split() for line in lines[1:]],
                         [["row", "score", "label", "x<0"],
                          ["2", "4", "1", "9"], ["1", "3", "1", "8"],
                          ["0", "1", "0", "7"]])
        self.assertEqual(len(str(r[:0]).splitlines()), 2)
        self.assertIs(r.to_numpy(), data)
        try:
            import pandas
        except ImportError:
            with self.assertRaisesRegex(ImportError, "needs pandas"):
                r.to_pandas()
        else:
            self.assertIsInstance(r.to_pandas(), pandas.DataFrame)


if __name__ == "__main__":
    unittest.main()
