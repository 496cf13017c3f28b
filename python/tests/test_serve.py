"""@source and @stage as the programs they are."""
import unittest

import numpy as np

from peer import Peer
from pilot_edge import _serve, _wire

X = np.arange(12.0).reshape(4, 3) + 1


class Stages(unittest.TestCase):
    def test_answers(self):
        """A stage of all of them, which the first number tells apart."""
        steps = (
            (X, "pass"),
            (X + 100, (X + 100) * 2),
            ((X + 100).astype("<f4"), ((X + 100) * 2).astype("<f4")),
            (X + 200, "nothing"),
            (X + 300, "ValueError: output array is read-only"),
            (X + 400, "ValueError: several() gave an array of 1 dimension"),
            (X + 500, "ValueError: several() gave values of type <U1"),
            (X, "pass"))
        for shared in (True, False):
            peer = Peer("stage", "objects.py:several", shared)
            for turn, (x, answer) in enumerate(steps):
                with self.subTest(shared=shared, turn=turn):
                    # The first goes through the pipe.
                    got = peer.ask(x, word=shared and turn > 0)
                    self.assertEqual(peer.ready(), shared)
                    if isinstance(answer, str):
                        self.assertEqual(got[:len(answer)], answer)
                    else:
                        np.testing.assert_array_equal(got, answer)
                        self.assertEqual(got.dtype, answer.dtype)
            x = np.ones((1 << 16, 3)) + 100  # more than the memory has room for
            np.testing.assert_array_equal(peer.ask(x), x * 2)
            status, said = peer.end()
            self.assertEqual(status, 0, said)
            self.assertIn("several was called by here", said)

    def test_writable(self):
        peer = Peer("stage", "objects.py:inplace")
        for word in (False, True):
            np.testing.assert_array_equal(peer.ask(X, word), X * 2)
        self.assertEqual(peer.end()[0], 0)

    def test_names(self):
        for name, said in (
                ("objects.py:nothing", "objects.py has no 'nothing'"),
                ("nowhere.py:x", "there is no file"),
                ("nowhere:x", "No module named 'nowhere'"),
                ("objects", "is not MODULE:NAME or FILE.py:NAME"),
                ("objects:Gauss.x", "has no 'Gauss.x'")):
            with self.subTest(name=name):
                with self.assertRaisesRegex(Exception, said):
                    _serve.load(name)
        status, text = Peer("stage", "nowhere.py:x").end()
        self.assertEqual(status, 1)
        self.assertIn("there is no file", text.splitlines()[-1])

    def test_death(self):
        peer = Peer("stage", "objects.py:dies")
        self.assertIsNone(peer.ask(X))
        self.assertEqual(peer.end()[0], 7)

    def test_no_frames(self):
        peer = Peer("stage", "objects.py:same")
        peer.p.stdin.write(b"hello, this is no array at all, is it?\n")
        peer.p.stdin.close()
        peer.p.stdin = None
        status, text = peer.end()
        self.assertEqual(status, 1)
        self.assertIn("this program is started by `function: exec`", text)


class Sources(unittest.TestCase):
    def test_generator(self):
        peer = Peer("source", "objects.py:ten")
        blocks = [peer.answer() for _ in range(11)]
        self.assertIsNone(blocks[10])
        self.assertEqual([b.shape for b in blocks[:10]], [(100, 3)] * 10)
        self.assertEqual(blocks[9][5, 0], 14)
        self.assertEqual(peer.end()[0], 0)

    def test_function(self):
        peer = Peer("source", "objects.py:three")
        self.assertEqual([peer.answer() is None for _ in range(4)],
                         [False, False, False, True])
        self.assertEqual(peer.end()[0], 0)


class Blocks(unittest.TestCase):
    def test_types(self):
        for given, kept in (("<f8", "<f8"), ("<f4", "<f4"), (">f8", "<f8"),
                            ("<i2", "<f4"), ("<i4", "<f8"), ("?", "<f4"),
                            ("<f2", "<f4")):
            block = _wire.as_block(np.ones((2, 2), given), "x()")
            self.assertEqual(block.dtype.str, kept, given)
        x = np.ones((3, 2))
        self.assertIs(_wire.as_block(x, "x()"), x)
        for wrong in ("a", None, [1, 2], [[1j]], np.ones((1, 2, 3))):
            with self.assertRaises(ValueError):
                _wire.as_block(wrong, "x()")

    def test_context(self):
        self.assertTrue(_serve._wants_context(lambda x, c: x, 1))
        self.assertFalse(_serve._wants_context(lambda x, c=1: x, 1))


if __name__ == "__main__":
    unittest.main()
