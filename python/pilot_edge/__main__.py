"""python3 -m pilot_edge source|stage|learner NAME: a program of `exec`.

NAME is MODULE:NAME or FILE.py:NAME.  An error in it is said in one line, and
its traceback before that.
"""
import sys


def main() -> int:
    roles = ("source", "stage", "learner", "producer")
    if len(sys.argv) != 3 or sys.argv[1] not in roles:
        print("usage: python3 -m pilot_edge source|stage|learner NAME",
              file=sys.stderr)
        return 64
    role, name = sys.argv[1:]
    if role == "learner":
        from ._learner import serve
        return serve(name)
    if role == "producer":
        from ._producer import serve as produce
        return produce(name)
    from ._serve import load_function
    try:
        load_function(name, role).serve()
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
