"""How fast training is, against an ordinary input pipeline and against the bare step.

    python -m benchmarks --nets mlp,resnet14 --precision bfloat16

`docs/speed.md` says what is compared with what, and what came out. The images are random: no data
are needed. A benchmark, and never a test: what it prints depends on the machine and on whatever
else runs there.
"""
