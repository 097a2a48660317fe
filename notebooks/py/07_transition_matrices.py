# %% [markdown]
# # Transition matrices: the truth beside every estimate
#
# **You will** see why $T$ cannot be read off noisy labels without an assumption · estimate one and the
# same $T$ by six methods · watch their errors over noise rate and sample size · find out which errors
# cost accuracy and which do not.
#
# **You need** `01_loss_correction` (forward correction, anchors) and `02_nnaqc` (noise layers); `05_flywheel`
# for $T_c$. **Time** half a minute of one quiet core with `PROFILE = "smoke"`.

# %% tags=["parameters"]
PROFILE = "smoke"  # smoke: digits, seconds a run · laptop and paper: MNIST, longer
NOISE_RATE = 0.4
SEED = 0
OUT_DIR = None

# %%
import numpy as np

from lnl_core import Noise, Run, configure, load_dataset, plots, transition
from lnl_core.accel.together import Deferred, train_together
from lnl_core.measures.matrix_error import row_error
from lnl_core.measures.quality_patterns import transition_pattern
from lnl_core.notation import notation
from lnl_core.notebook import Session, exercise, show, table
from lnl_core.profiles import PROFILES
from lnl_core.train import predict_logits

session = Session("07_transition_matrices", PROFILE, OUT_DIR)
dataset = load_dataset(PROFILES[PROFILE].data)
EPOCHS = {"smoke": 12, "laptop": 10, "paper": 40}[PROFILE]
CAN_EPOCHS = {"smoke": 24, "laptop": 48, "paper": 90}[PROFILE]  # on digits in every profile
SIZES = {"smoke": (325, 650), "laptop": (2000, 8000), "paper": (2000, 10_000)}[PROFILE]
RATES = (0.2, 0.6)

# %% [markdown]
# ## Notation

# %%
table(notation("sample", "truth", "label", "classes", "noise", "posterior"))

# %% [markdown]
# $\hat T$ is an estimate of $T$, $T_c$ the matrix of the *corrupted* labels alone, $W$ a noise layer's weights. The
# **error** of $\hat T$ is the mean over its rows of $\sum_j |\hat T_{ij} - T_{ij}|$: 0 at best, 2 at worst, and for
# $\hat T = I$ twice the noise rate.
#
# ## Why an assumption is needed
#
# Noisy labels tell at best $p(\tilde y|x) = T^\top p(y|x)$: a *product* of two unknowns. Let $M$ be another matrix
# with rows that sum to 1. Then $T' = M\,T$ with $p'(y|x) = M^{-\top} p(y|x)$ explains every noisy label equally
# well, as long as $p'$ is still a probability. That fails as soon as some $x$ is a perfect example of its class:
# an **anchor**.

# %% tags=["nbval-check-output"]
K = 4
rng = np.random.default_rng(0)
T_small = Noise("uniform-simplex", 0.3).transition_matrix(K, seed=1)
M = 0.85 * np.eye(K) + 0.15 / K


def alternative(p):
    """Another pair (T', p') for the same noisy posteriors."""
    return M @ T_small, np.linalg.solve(M.T, p.T).T


blurred = 0.8 * rng.dirichlet(np.full(K, 0.5), 2000) + 0.2 / K  # nobody is a perfect example
T_other, p_other = alternative(blurred)
session.check(
    "without anchors another T' and p' give the same noisy posteriors",
    np.allclose(p_other @ T_other, blurred @ T_small),
)
session.check("and p' is a probability for every sample", p_other.min() >= 0)
print(f"T' is {row_error(T_other, T_small):.2f} from T, and no noisy label can tell them apart")

anchored = np.vstack([blurred, np.eye(K)])
session.check("with one anchor a class p' is none any more", alternative(anchored)[1].min() < 0)
rows = [
    {"data": name, "error of eq. 12's estimate": f"{row_error(found, T_small):.2f}"}
    for name, found in (
        ("with anchors", transition.estimate(anchored @ T_small, None)),
        ("without", transition.estimate(blurred @ T_small, None)),
    )
]
table(rows)

# %% [markdown]
# Patrini et al.'s estimate (eq. 12) *is* the assumption of anchors: the row of class $i$ is the posterior of the
# sample surest of $i$. The others assume as well:
#
# | method | estimate | when | what it assumes |
# |---|---|---|---|
# | `forward-estimated` | posterior at the 97th percentile of each class | after a first network, by plain cross-entropy | anchors, and a network that has learned $p(\tilde y \vert x)$ and no label by heart |
# | `trace` | softmax of each row of a linear layer | with the classifier, by the same gradient | the noisiest $T$ that the data admit |
# | `dropout-layer`, `nnaqc` | the same of a layer that is *not* linear (eq. 3 of NNAQC) | with the classifier | that the layer learns the noise before the network learns labels by heart: how it starts, and when one stops |
# | `cal` | labels counted by distilled class | after a sieve has distilled classes | that these classes are right |
# | `flywheel` | $T_c$ counted with weights $q(s=0)$, and from it $T$ | anew before every epoch | that clean labels can be told |
#
# Peer loss needs no $T$ and estimates none. CAN is for several labels a sample, where no $T$ exists; it has
# its own comparison below.
#
# ## The matrices
#
# One dataset, one draw of noise, one network (an MLP), and the same epochs a stage. The flywheel runs without its
# contrastive term, for speed.

# %%
METHODS = {
    "forward-estimated": "percentile anchors",
    "trace": "trace layer",
    "dropout-layer": "dropout layer",
    "nnaqc": "NNAQC's W",
    "cal": "CAL",
    "flywheel-no-cl": "flywheel",
}


def config_of(method, rate=NOISE_RATE, limit=None, **options):
    limits = {} if limit is None else {"limit": limit}
    return configure(method, noise=Noise("uniform-simplex", rate), dataset=dataset, net="mlp",
                     profile="smoke" if PROFILE == "smoke" else "laptop", seed=SEED,
                     epochs=EPOCHS, options=options, **limits)  # fmt: skip


def finished(config):
    run = Run(config, dataset=dataset)
    for _ in run:
        pass
    return run


def stacked(configs):
    """Runs of one shape, trained as one."""
    members = []
    for config in configs:
        updates = Deferred()
        members.append((Run(config, dataset=dataset, steps=True, updates=updates), updates))
    for _, problem in train_together(members):
        if problem is not None:
            raise problem
    return [run for run, _ in members]


runs = {method: finished(config_of(method)) for method in METHODS}
T = next(iter(runs.values())).data.transition_matrix.double().numpy()
estimates = {method: run.estimates["transition_matrix"] for method, run in runs.items()}

# %%
T_c = runs["flywheel-no-cl"].estimates["corruption_matrix"]
panels = {"true T": T} | {
    f"{METHODS[m]}, error {row_error(found, T):.2f}": found for m, found in estimates.items()
}
panels["flywheel's T_c, wrong labels alone"] = T_c
figure, axes = plots.new_figure(columns=4, rows=2, width=3.4, height=3.6)
for axis, (title, matrix) in zip(axes.flat, panels.items(), strict=True):
    plots.draw_matrix(axis, matrix, dataset.classes, title)
show(figure, alt="Heat maps of the true transition matrix, of six estimates of it with their errors, "
     "and of the flywheel's matrix of wrong labels alone.")  # fmt: skip

# %% tags=["nbval-check-output"]
off_diagonal = T * (1 - np.eye(len(T)))
true_c = off_diagonal / off_diagonal.sum(1, keepdims=True)
print(f"identity for comparison: {row_error(np.eye(len(T)), T):.2f}")
session.claim(
    "every estimate is nearer to T than the identity",
    all(row_error(found, T) < row_error(np.eye(len(T)), T) for found in estimates.values()),
)

# %% [markdown]
# $T_c$ is another quantity than $T$: its rows say where labels go *if* they are wrong. Its own truth is $T$ without the
# diagonal, its rows scaled to 1. What stands on the diagonal of the estimate are right labels that were held
# for wrong ones, in part.

# %%
table([{"": "flywheel's T_c against T without its diagonal",
        "error": f"{row_error(T_c, true_c):.2f}",
        "mean diagonal, in truth 0": f"{T_c.diagonal().mean():.2f}"}])  # fmt: skip

# %% [markdown]
# ### CAN, where it is at home
#
# With several labels a sample there is no $p(\tilde y = j|y = i)$. CAN counts *patterns* (Figure 9 of its paper): a
# latent label that is also given is a transition to itself, another goes in equal parts to the given
# labels that are not latent. The same count can be made with the **true** labels in place of the latent
# ones, and that is the truth shown first; and with what CAN's classifier $P(z|x)$ says, which unlike
# $q(z|x, y)$ has not seen the label. Digits as label vectors, labels shuffled among samples; of both the
# likeliest class, as in `04_quality_embedding`.

# %%
vectors = load_dataset("digits-vectors")
can = Run(configure("can", noise=Noise("label-shuffle", NOISE_RATE), dataset=vectors, seed=SEED,
                    paper="yao2018", epochs=CAN_EPOCHS, lr=0.0225), dataset=vectors)  # fmt: skip
for _ in can:
    pass
written, true = can.data.train.labels, can.data.train.clean
preprocess = can.data.preprocess(can.config.train.preprocess)
said = predict_logits(can.method, can.data.train.x, preprocess)


def likeliest(scores):
    return (scores == scores.amax(1, keepdim=True)).to(written.dtype)


labellings = {
    "true labels": true,
    "CAN's latent labels, q(z|x,y)": likeliest(can.method.corrected_labels()),
    "CAN's classifier, P(z|x)": likeliest(said),
}
patterns = {n: transition_pattern(vector, written).numpy() for n, vector in labellings.items()}
figure = plots.transition_matrices(patterns, vectors.classes)
for axis, whose in zip(figure.axes, ("true", "latent", "predicted"), strict=True):
    axis.set(xlabel="given label", ylabel=f"{whose} label")
show(figure,
     alt="Three heat maps of transition patterns to the given labels: from the true labels, from CAN's latent "
     "labels, whose diagonal is near one, and from its classifier's, which is like the first.")  # fmt: skip

# %% tags=["nbval-check-output"]
wrong = (written != true).any(1)
rows = []
for name, vector in labellings.items():
    repeated, mended = ((vector == side).all(1)[wrong].double().mean() for side in (written, true))
    rows.append({
        "counted with": name,
        "mean diagonal": f"{np.nanmean(np.diag(patterns[name])):.2f}",
        "of the wrong labels: repeated, %": repeated.item(), "mended, %": mended.item(),
    })  # fmt: skip
table(rows)
latent, classifier = (rows[k]["of the wrong labels: repeated, %"] for k in (1, 2))
session.claim(
    "CAN's latent labels repeat more wrong labels than its classifier", latent > classifier
)

# %% [markdown]
# A latent label that repeats a wrong given one is counted as a transition to itself, so a pattern shows the noise
# that its labels have *found*, and the rest hides on the diagonal. $q(z|x, y)$ begins as the given label and leaves it
# slowly; the classifier that it trains is the better witness.

# %% [markdown]
# ## Error against noise rate and sample size
#
# The floor in grey is what the *true* labels would give: the frequencies of the noisy labels of each true
# class. No estimate from noisy labels can be expected to be below it for long.

# %%
SWEPT = ("forward-estimated", "trace", "dropout-layer", "nnaqc", "cal")
settings = [(rate, None) for rate in RATES] + [(NOISE_RATE, size) for size in SIZES]
found = {}
for method in SWEPT:
    configs = [config_of(method, rate, size) for rate, size in settings]
    if method == "forward-estimated":  # its losses are per sample: runs of one size stack
        swept = stacked(configs[: len(RATES)]) + [finished(c) for c in configs[len(RATES) :]]
    else:
        swept = [finished(config) for config in configs]
    found |= {(method, *setting): run for setting, run in zip(settings, swept, strict=True)}
    found[method, NOISE_RATE, None] = runs[method]


def error_of(run):
    return row_error(run.estimates["transition_matrix"], run.data.transition_matrix)


def floor_of(run):
    return row_error(run.data.noise.realised_matrix, run.data.transition_matrix)


full = len(runs["trace"].data.train)
by_rate = [(rate, (rate, None)) for rate in sorted({*RATES, NOISE_RATE})]
by_size = [(len(found["trace", NOISE_RATE, size].data.train), (NOISE_RATE, size)) for size in SIZES]
by_size.append((full, (NOISE_RATE, None)))
figure, axes = plots.new_figure(columns=2, width=4.6, height=3.6)
for axis, points, xlabel in (
    (axes[0, 0], by_rate, "noise rate"), (axes[0, 1], by_size, "training samples"),
):  # fmt: skip
    x = [value for value, _ in points]
    for k, method in enumerate(SWEPT):
        y = [error_of(found[method, *setting]) for _, setting in points]
        axis.plot(
            x, y, color=plots.COLOURS[k], marker=plots.MARKERS[k], ms=5, label=METHODS[method]
        )
    axis.plot(x, [floor_of(found["trace", *s]) for _, s in points], ":", color="0.4", lw=2,
              label="counted with true labels")  # fmt: skip
    identity = x if axis is axes[0, 0] else [NOISE_RATE] * len(x)
    axis.plot(x, [2 * rate for rate in identity], "--", color="0.6", label="identity")
    axis.set(xlabel=xlabel, ylabel="mean row L1 error")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
handles, names = axes[0, 0].get_legend_handles_labels()
figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
show(figure, alt="Two panels of lines, one a method: the error of the estimated matrix over the noise "
     "rate, and over the number of training samples, between the counted floor and the identity.")  # fmt: skip

# %% tags=["nbval-check-output"]
session.claim(
    "averaged over the methods, the smallest sample gives a larger error than all the data",
    np.mean([error_of(found[m, NOISE_RATE, SIZES[0]]) for m in SWEPT])
    > np.mean([error_of(found[m, NOISE_RATE, None]) for m in SWEPT]),
)
session.claim(
    "and the highest rate a larger one than the lowest",
    np.mean([error_of(found[m, RATES[-1], None]) for m in SWEPT])
    > np.mean([error_of(found[m, RATES[0], None]) for m in SWEPT]),
)

# %% [markdown]
# An estimate that *counts* gets better with more samples, and worse with more noise. A layer that is learned with
# the classifier begins blurred ($W = I$, and the softmax of a row of it leaves less than a quarter on the diagonal
# for ten classes) and is sharpened update by update: at a fixed number of epochs few samples are few updates.
# The dropout layer, of which half is missing in each of them, goes slowest, and at a low rate it has furthest to go.
#
# ## Which errors matter?
#
# Every estimate goes into the same forward correction, with the same seeds. Beside them three
# matrices that are wrong on purpose, *all by the same amount*: one that believes in too little noise
# (towards $I$), one in too much (towards uniform), and one with the right rates and the wrong
# victims (off the diagonal, each row turned by one class).


# %%
def turned(matrix):
    """Rows with the same diagonal, the other entries moved on by one."""
    moved = np.zeros_like(matrix)
    for i, row in enumerate(matrix):
        others = [j for j in range(len(row)) if j != i]
        moved[i, i], moved[i, others] = row[i], np.roll(row[others], 1)
    return moved


def wrong_by(amount, towards):
    """T moved towards another matrix until its error is `amount`."""
    return T + amount / row_error(towards, T) * (towards - T)


targets = {
    "too little noise": np.eye(len(T)),
    "too much noise": np.full_like(T, 1 / len(T)),
    "wrong victims": turned(T),
}
AMOUNT = 0.8 * min(row_error(target, T) for target in targets.values())
plugged = {"true T": T, "identity (no correction)": np.eye(len(T))}
plugged |= {METHODS[m]: found for m, found in estimates.items()}
plugged |= {f"on purpose: {name}": wrong_by(AMOUNT, to) for name, to in targets.items()}
corrected = stacked(
    [
        config_of("forward", transition_matrix=transition.check_matrix(matrix).tolist())
        for matrix in plugged.values()
    ]
)
accuracy = {
    name: run.history[-1].test_accuracy for name, run in zip(plugged, corrected, strict=True)
}
table(
    [
        {"T in forward correction": name, "error": f"{row_error(plugged[name], T):.2f}",
         "test accuracy, %": value}
        for name, value in accuracy.items()
    ]
)  # fmt: skip

# %%
figure, axes = plots.new_figure(width=6.4, height=3.8)
estimated = list(METHODS.values())
for name, value in accuracy.items():
    if name in estimated:
        k = estimated.index(name)
        style = {"marker": plots.MARKERS[k], "color": plots.COLOURS[k]}
    elif name.startswith("on purpose"):
        k = list(targets).index(name.removeprefix("on purpose: "))
        style = {"marker": plots.MARKERS[k], "color": "0.3", "mfc": "white"}
    else:
        style = {"marker": "*" if name == "true T" else "x", "color": "black"}
    axes[0, 0].plot(row_error(plugged[name], T), 100 * value, ls="", ms=9, label=name, **style)
axes[0, 0].set(xlabel="mean row L1 error of the matrix", ylabel="test accuracy, %")
axes[0, 0].grid(alpha=0.3)
figure.legend(loc="outside right upper", frameon=False, fontsize="small")
show(figure, alt="Test accuracy of forward correction over the error of the matrix it was given; hollow "
     "markers are matrices wrong on purpose by one and the same amount, a star is the true T.")  # fmt: skip

# %% tags=["nbval-check-output"]
session.claim(
    "no correction is below the true T",
    accuracy["identity (no correction)"] < accuracy["true T"],
)
on_purpose = [value for name, value in accuracy.items() if name.startswith("on purpose")]
session.claim(
    "errors of one size cost accuracies that differ by more than one point",
    max(on_purpose) - min(on_purpose) > 0.01,
)

# %% [markdown]
# One seed and a few hundred test samples: a difference of one or two points is within chance. The error's *size* is
# not the whole story. In all of these matrices each class's own label stays the likeliest; it matters *which*
# error it is: wrong victims excuse confusions that do not occur and charge for those that do, while the right ones at
# too high a rate cost little.
#
# ## Exercises
#
# **1. Predict.** Noise at rate 0.3 is overlooked: $\hat T = I$. What is the error?

# %%
overlooked = ...

exercise(
    "exercise 1",
    lambda: overlooked if overlooked is ... else abs(overlooked - 0.6) < 1e-9,
    "each row lacks 0.3 off the diagonal and has 0.3 too much on it",
)

# %% [markdown]
# <details><summary>Solution</summary>
#
# 0.6: what the diagonal has too much, the rest of the row has too little, so a row counts it twice.
#
# </details>
#
# **2. Complete.** The anchor estimate (eq. 12, no percentile) from noisy posteriors [N, K] → [K, K].


# %%
def my_estimate(posterior):
    return ...


def judge_estimate():
    said = np.random.default_rng(1).dirichlet(np.ones(5), 300)
    mine = my_estimate(said)
    return mine if mine is ... else np.allclose(mine, transition.estimate(said, None))


exercise("exercise 2", judge_estimate, "row i is the posterior of the sample with the largest p_i")

# %% [markdown]
# <details><summary>Solution</summary>
#
# `return posterior[posterior.argmax(0)]`
#
# </details>
#
# **3. Explore.** Set `NOISE_RATE = 0.7` at the top and run all again. Which estimates break first, and
# does accuracy break with them?
#
# <details><summary>What to look for</summary>
#
# Look at the diagonals first: an estimate whose diagonal is no longer the largest entry of its row and column
# exchanges classes in the correction, and accuracy falls by whole classes.
#
# </details>
#
# ## Where it fails
#
# * All noise here depends on the class alone. Where it depends on the sample no single $T$ is true.
# * The layers' matrices of `nnaqc` and `dropout-layer` are their behaviour at the corners of the simplex (eq. 4);
#   between these they are no matrix. They need not be near $T$ to protect the classifier.
# * A few epochs stand for the papers' hundreds in `smoke`, with each method's default options; this is no ranking.
#
# **Recap.** $T$ and $p(y|x)$ come as a product; anchors, a trace, a start or a belief in clean labels part them.
# Compare estimates by what they do to the classifier as well as by their distance.
#
# **What to read next** `08_cleaning_labels`: instead of modelling the wrong labels, find and mend them;
# `06_all_methods` for what these methods reach; `09_text_against_code` on a bug in one of the estimates;
# `11_your_own_data` counts $T$ from a few checked labels, `10_your_own_method` adds a method. `lnl_core/transition.py` (estimation), `lnl_core/measures/matrix_error.py` (the error).

# %%
session.finish()
