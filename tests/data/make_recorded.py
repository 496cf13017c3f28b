#!/usr/bin/env python3
"""make_recorded.py - recorded answers of a scheduler as one file.

    make_recorded.py FOLDER PATTERN... >tests/data/slurm.rec

FOLDER holds NAME.txt or NAME.json (standard output), NAME.err (standard
error, absent when empty) and NAME.rc (exit status) of one command each; those
whose NAME fits a PATTERN are taken, in the order of their names.  An entry is

    ### NAME STATUS OUT ERR

and, behind that line, OUT bytes of standard output, ERR bytes of standard
error and a newline.  Nothing is changed on the way: the bytes are those of the
scheduler, and need not be text.
"""
import fnmatch
import os
import sys


def entry(folder, name, suffix):
    def read(path):
        if not os.path.exists(path):
            return b""
        with open(path, "rb") as f:
            return f.read()

    base = os.path.join(folder, name)
    out, err = read(base + suffix), read(base + ".err")
    status = read(base + ".rc").strip() or b"0"
    head = "### %s %d %d %d\n" % (name, int(status), len(out), len(err))
    return head.encode() + out + err + b"\n"


def main():
    folder, patterns = sys.argv[1], sys.argv[2:]
    for file in sorted(os.listdir(folder)):
        name, suffix = os.path.splitext(file)
        if suffix not in (".txt", ".json"):
            continue
        if any(fnmatch.fnmatch(name, p) for p in patterns):
            sys.stdout.buffer.write(entry(folder, name, suffix))


main()
