# %% [markdown]
# # A method of your own, from its formula to a row in the table
#
# **The example** Z. Zhang, M. Sabuncu, *Generalized cross entropy loss for training deep neural
# networks with noisy labels*, NeurIPS 2018: one formula, one number $q$.
#
# **You will** read a loss by its gradient · check it against an independent float64 formula · write
# it in twenty lines and train it beside others · put it through the tests that every method here must
# pass · make a recipe of two stages out of it · write a table and a study, let the records fill them,
# and see what a rerun costs.
#
# **You need** `00_start_here`. **Time** about half a minute with `PROFILE = "smoke"` on two CPU cores.

# %% tags=["parameters"]
PROFILE = "smoke"  # smoke: digits, seconds · laptop and paper: MNIST
NOISE_RATE = 0.4
Q = 0.7  # the authors' choice
SEED = 0
OUT_DIR = None

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lnl_core import InputError, Method, Noise, Run, configure, load_dataset, plots, register
from lnl_core.ledger.grid import missing, results_folder, run_grid
from lnl_core.ledger.records import Folder
from lnl_core.ledger.report import as_printed, study_row
from lnl_core.ledger.studies import study_configs, study_rows
from lnl_core.ledger.tables import cell_config, get_table, table_cells
from lnl_core.measures.selection import select
from lnl_core.methods import get_method
from lnl_core.methods.options import number
from lnl_core.notation import notation
from lnl_core.notebook import Session, exercise, show, table, watch
from lnl_core.papers.spec import Study, Variant
from lnl_core.profiles import PROFILES

session = Session("10_your_own_method", PROFILE, OUT_DIR)
dataset = load_dataset(PROFILES[PROFILE].data)
noise = Noise("symmetric", NOISE_RATE)
print(f"{dataset.name}, noise {noise}")

# %% [markdown]
# ## The idea in one picture
#
# Cross-entropy never lets go of a label that the network finds unlikely: the smaller $\hat p_{\tilde y}$, the
# harder it pulls. The mean absolute error pulls least where a label is unlikely, so wrong labels move
# it little, and hard but right ones as little. Zhang and Sabuncu put a number between the two.
#
# ### Notation

# %%
here = {r"$\hat p_k$": ("`p`", "the softmax of the logits $z$, at class $k$"),
        r"$q \in (0, 1]$": ("`q`", "0 is cross-entropy, 1 the mean absolute error (halved)")}  # fmt: skip
table(
    notation("sample", "label", "classes", "posterior", "memorised")
    + [{"symbol": s, "in the code": code, "meaning": words} for s, (code, words) in here.items()]
)

# %% [markdown]
# $$\mathcal L_q(z, \tilde y) = \frac{1 - \hat p_{\tilde y}^{\,q}}{q},\qquad
# \frac{\partial \mathcal L_q}{\partial z_k} = \hat p_{\tilde y}^{\,q}\,\big(\hat p_k - 1[k = \tilde y]\big).$$
#
# The gradient is cross-entropy's, times $\hat p_{\tilde y}^{\,q}$: each sample is weighted by how far the network
# already believes its label.

# %%
p = np.linspace(1e-3, 1, 400)
figure, axes = plots.new_figure(columns=2)
for k, q in enumerate((0.0, 0.3, 0.7, 1.0)):
    style = {
        "color": plots.COLOURS[k],
        "marker": plots.MARKERS[k],
        "markevery": 50,
        "markersize": 4,
    }
    loss = -np.log(p) if q == 0 else (1 - p**q) / q
    axes[0, 0].plot(p, loss, label=f"q = {q:g}", **style)
    axes[0, 1].plot(p, p**q * (1 - p), **style)
axes[0, 0].set(xlabel="probability of the given label", title="loss", ylim=(0, 4))
axes[0, 1].set(xlabel="probability of the given label", title="pull on the label's logit")
for axis in axes[0]:
    axis.title.set_size("medium")
axes[0, 0].legend(frameon=False, title="q = 0: cross-entropy")
show(figure, alt="Left: the loss over the probability of the label; q = 0 grows without bound towards 0, "
     "q = 1 is a straight line. Right: the pull; at q = 0 it is largest where the label is least "
     "likely, for q > 0 it falls to nothing there.")  # fmt: skip

# %% [markdown]
# ## In twenty lines
#
# A method says how the loss of a sample is made. What is *not* written here: the loop, the device, the
# checkpoints, the curves, the record. Work in the logarithm: $\hat p^{\,q} = e^{q \log \hat p}$ and
# `expm1` lose nothing where $\hat p$ is tiny, or $q$ is.


# %%
def generalized_cross_entropy(logits, labels, q):
    """(1 - p̂_ỹ^q) / q (Zhang and Sabuncu 2018, eq. 6), per sample [B]."""
    log_p = logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
    return -torch.expm1(q * log_p) / q


class GeneralizedCrossEntropy(Method):
    """Between cross-entropy (q → 0) and the mean absolute error (q = 1)."""

    stacks = True  # a per-sample loss and nothing else: runs of many seeds may train as one

    def __init__(self, net, data, q: float = 0.7):
        super().__init__(net, data)
        self.q = number("q", q, "in (0, 1]", lambda value: 0 < value <= 1)

    def criterion(self, logits, labels):
        return generalized_cross_entropy(logits, labels, self.q)


register("my-gce", GeneralizedCrossEntropy, "generalized cross-entropy (Zhang and Sabuncu 2018)")
print(get_method("my-gce").options)

# %% [markdown]
# ### Is it the formula?
#
# Never test a loss against itself. The other side is NumPy in float64, written from the paper: no
# `log_softmax`, no `expm1`, the gradient by hand.

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
z, y = 4 * rng.normal(size=(64, 10)), rng.integers(0, 10, 64)
logits = torch.tensor(z, requires_grad=True)
ours = generalized_cross_entropy(logits, torch.tensor(y), 0.7)
(gradient,) = torch.autograd.grad(ours.sum(), logits)

softmax = np.exp(z) / np.exp(z).sum(1, keepdims=True)
p_label = softmax[np.arange(64), y]
by_hand = p_label[:, None] ** 0.7 * (softmax - np.eye(10)[y])
session.check("the loss is (1 - p^q) / q", np.allclose(ours.detach(), (1 - p_label**0.7) / 0.7))
session.check("its gradient is p^q times cross-entropy's", np.allclose(gradient, by_hand))

small_q = generalized_cross_entropy(logits, torch.tensor(y), 1e-6).detach()
session.check("q → 0 is cross-entropy", np.allclose(small_q, -np.log(p_label), atol=1e-4))
half_mae = generalized_cross_entropy(logits, torch.tensor(y), 1.0).detach()
absolute = np.abs(np.eye(10)[y] - softmax).sum(1)
session.check("q = 1 is half the mean absolute error", np.allclose(2 * half_mae, absolute))

far = torch.tensor([[0.0, 200.0]])
print(
    f"a label of probability e⁻²⁰⁰, in float32: {generalized_cross_entropy(far, torch.tensor([0]), 0.7)}"
)

# %% [markdown]
# ### What it promises
#
# Theorem 1 of the paper rests on this: summed over all labels, the loss lies between bounds that do not
# depend on the network's answer, $\frac{K - K^{1-q}}{q} \le \sum_j \mathcal L_q(z, j) \le \frac{K-1}{q}$. Under
# symmetric noise what the wrong labels add can then vary only within these bounds. Cross-entropy has
# no upper one.

# %% tags=["nbval-check-output"]
K, q = 10, 0.7
answers = torch.tensor(6 * rng.normal(size=(2000, K)))
every = torch.stack(
    [generalized_cross_entropy(answers, torch.full((2000,), j), q) for j in range(K)]
).sum(0)
low, high = (K - K ** (1 - q)) / q, (K - 1) / q
print(f"bounds {low:.2f} and {high:.2f}; found {every.min():.2f} to {every.max():.2f}")
session.check("the sum over all labels is bounded", bool(((every > low) & (every < high)).all()))

# %% [markdown]
# ## Beside others
#
# The same data, noise, network, budget and seed. `forward` is told $T$; the others are told nothing.
# **Predict** before you run it: which of them memorises least, and which is highest at its peak?

# %%
small = {"noise": noise, "profile": PROFILE, "seed": SEED, "epochs": 40}
beside = {
    name: Run(configure(name, **small, options={"q": Q} if name == "my-gce" else {}))
    for name in ("cross-entropy", "bootstrap-soft", "my-gce", "forward")
}
histories = watch(
    beside,
    alt="Test accuracy and memorised labels over the epochs of cross-entropy, soft bootstrapping, "
    "generalized cross-entropy and forward correction with the true T.",
)

# %%
table([{"method": name, **select(history)} for name, history in histories.items()])
last = {name: history[-1] for name, history in histories.items()}
session.claim(
    "generalized cross-entropy ends above cross-entropy",
    last["my-gce"].test_accuracy > last["cross-entropy"].test_accuracy,
    f"{last['my-gce'].test_accuracy:.1%} against {last['cross-entropy'].test_accuracy:.1%}",
)
session.claim(
    "it memorises less than half as many wrong labels",
    last["my-gce"].memorised < 0.5 * last["cross-entropy"].memorised,
    f"{last['my-gce'].memorised:.1%} against {last['cross-entropy'].memorised:.1%}",
)

# %% [markdown]
# ## What every method must pass
#
# A class in `lnl_core/methods/` with a line in `methods/__init__.py` goes through `tests/test_methods.py`
# by itself: some forty properties, of which these are the ones that fail first. Whatever a method
# remembers of its samples must be a **buffer** (`register_buffer`), or the second of them fails.

# %% tags=["nbval-check-output"]
tiny = configure("my-gce", noise=noise, profile="smoke", seed=SEED, epochs=4, limit=200)


def finished(run):
    for _ in run:
        pass
    return run


def same(one, other):
    pairs = zip(one.method.state_dict().values(), other.method.state_dict().values(), strict=True)
    accuracies = ([e.test_accuracy for e in run.history] for run in (one, other))
    return all(torch.equal(*pair) for pair in pairs) and len({tuple(a) for a in accuracies}) == 1


whole = finished(Run(tiny, device="cpu"))
session.check(
    "the same config gives the same run, to the last bit",
    same(whole, finished(Run(tiny, device="cpu"))),
)
with tempfile.TemporaryDirectory() as folder:
    for record in Run(tiny, device="cpu", checkpoints=Path(folder)):
        if record.epoch == 2:
            break  # the power fails
    resumed = finished(Run(tiny, device="cpu", checkpoints=Path(folder)))
session.check(
    "stopped after two epochs and resumed, it is as if never stopped", same(whole, resumed)
)
losses = [record.train_loss for record in whole.history]
session.check("its losses are numbers", bool(np.isfinite(losses).all()))
by_steps = Run(tiny, device="cpu", steps=True)
steps = iter(by_steps)
next(steps)
before = [weight.clone() for weight in by_steps.method.parameters()]
next(steps)
after = list(by_steps.method.parameters())
session.check(
    "a step moves the weights",
    any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)),
)
try:
    finished(Run(configure("my-gce", epochs=1, options={"q": 1.5})))
except InputError as refusal:
    print("refused:", refusal)

# %% [markdown]
# ## Two stages
#
# Many methods are an order of events: find out something, then train anew. Here that is a *recipe*, a
# generator of a run, in which each `run.fit` is one stage. This one lets the robust network write
# labels, and trains a fresh one on those it agrees with: a plain form of what `08_cleaning_labels` is
# about.


# %%
def gce_then_clean(run, q: float = 0.7):
    """Generalized cross-entropy; then cross-entropy on the samples whose label it would give."""
    first = run.build(GeneralizedCrossEntropy, q=q)
    yield from run.fit(first, stage="robust")
    train = run.data.train
    agreed = run.posteriors(first)[: len(train)].argmax(1) == train.labels.cpu().numpy()
    keep = torch.from_numpy(agreed.nonzero()[0]).to(train.labels.device)
    kept = replace(
        train, x=train.x.index_select(0, keep), labels=train.labels[keep], clean=train.clean[keep]
    )
    data = replace(run.data, train=kept)
    second = run.build(get_method("cross-entropy").method, data=data)
    yield from run.fit(second, stage="clean", data=data)


register("gce-then-clean", gce_then_clean, "generalized cross-entropy, then what it agrees with")
two_stages = watch(
    {"gce-then-clean": Run(configure("gce-then-clean", **small, options={"q": Q}))},
    alt="Test accuracy and memorised labels of the second stage, on the samples that were kept.",
)["gce-then-clean"]
print("stages:", ", ".join(dict.fromkeys(record.stage for record in two_stages)))
session.claim(
    "the second stage ends above cross-entropy on all labels",
    two_stages[-1].test_accuracy > last["cross-entropy"].test_accuracy,
    f"{two_stages[-1].test_accuracy:.1%} against {last['cross-entropy'].test_accuracy:.1%}",
)

# %% [markdown]
# On the right is memorised what was kept and is wrong: few labels, and of those all. What the first stage
# believes, the second cannot doubt.
#
# ## Into a table
#
# One seed is an anecdote. A table is *data*: methods by noises, the rule that selects the epoch, how many
# runs a cell. What each cell's runs are follows from it, and the records that belong to it are found by
# their configs. Here the digits table of `03_joint_optimization` gets one row more. Its other rows are
# not trained: their records are committed, and ours has the same data, network and schedule.

# %%
committed = get_table("tanaka2018/digits-sn-last")
columns = ("symmetric-inclusive:0.5", "symmetric-inclusive:0.7")
mine = replace(
    committed,
    name="mine",
    title="Digits, symmetric noise, with a method of our own",
    methods=("cross-entropy", "my-gce", "forward", "joint"),
    columns=columns,
)
seeds = 3 if PROFILE == "smoke" else committed.runs
todo = [cell_config(mine, "my-gce", c, seed, "paper") for seed in range(seeds) for c in columns]

workplace = tempfile.TemporaryDirectory()
folder = Folder(Path(workplace.name))
# A method that a notebook registers is unknown to other processes: one job, this one.
done = sum(1 for _ in run_grid(todo, folder, jobs=1, device="cpu"))
print(f"{done} runs computed; {len(missing(todo, folder))} are missing now")
session.check("a second call has nothing to do", not missing(todo, folder))

# %%
records = [*results_folder("tanaka2018", "paper"), *folder]
cells = table_cells(mine, records)
table(as_printed(cells))
means = {(cell.method, cell.column): cell.comparison.mean for cell in cells}
for column in columns:
    session.claim(
        f"in the table, generalized cross-entropy is above cross-entropy at {column}",
        means["my-gce", column] > means["cross-entropy", column],
        f"{means['my-gce', column]:.1f} against {means['cross-entropy', column]:.1f}",
    )

# %% [markdown]
# Our mean ± standard deviation (runs); the other rows have five runs, ours has fewer, and says so.
#
# ### What a record holds
#
# One JSON file a run, written whole when it is over. Its name is a hash of what determines the result:
# config, data, and the method's `version`. Change the loss and **raise the version** (`register(…,
# version=2)`), and old records are no longer taken for the new method's.

# %%
record = next(iter(folder))
noted = ("key", "method_version", "realised_noise", "device", "versions", "finished")
for name in noted:
    print(f"{name:16} {record[name]}")
print(f"{'history':16} {len(record['history'])} epochs of {len(record['history'][0])} numbers")

# %% [markdown]
# ### A study: what one setting is worth
#
# Variants of a cell, each beside the cell itself; only what has no record yet is computed.

# %%
study = Study(
    mine, "q", "What q is worth",
    tuple(
        Variant(f"q = {q:g}, not 0.7", "my-gce", columns[1], {"options": {"q": q}})
        for q in (0.1, 1.0)
    ),
)  # fmt: skip
print(
    "runs computed:",
    sum(1 for _ in run_grid(study_configs(study, 2), folder, jobs=1, device="cpu")),
)
table([study_row(row) for row in study_rows(study, list(folder))])

# %% [markdown]
# In the project a table stands in `lnl_core/papers/`, under `TABLES` (published numbers in
# `data/published/`, so that each cell gets a verdict) or `OWN_TABLES` (none, and no verdict), a study
# under `STUDIES`. Then there is no code to write:
#
# ```sh
# lnl table tanaka2018/digits-sn-last --profile paper --methods my-gce    # resumes where it was stopped
# lnl study tanaka2018/q
# lnl report                                     # docs/results.md and build/report/index.html
# ```

# %%
workplace.cleanup()

# %% [markdown]
# ## Exercises
#
# **1. Predict.** A label has probability 0.01, another 0.81. By what factor does the second pull harder
# on its own logit under $q = 0.5$, if you count the weight $\hat p^{\,q}$ alone?

# %%
factor = ...

exercise(
    "exercise 1",
    lambda: factor if factor is ... else abs(factor - 9) < 1e-6,
    "√0.81 / √0.01",
)

# %% [markdown]
# <details><summary>Solution</summary>
#
# 9: the weights are $\sqrt{0.01} = 0.1$ and $\sqrt{0.81} = 0.9$.
#
# </details>
#
# **2. Complete.** The paper also *truncates*: a sample whose label has a probability below $k$ pays the
# constant $\mathcal L_q(k)$ and pulls not at all. Write it, with `torch.where` or `clamp`.


# %%
def truncated(logits, labels, q=0.7, k=0.5):
    return ...


def judge_truncated():
    if truncated(torch.zeros(1, 2), torch.tensor([0])) is ...:
        return ...
    z = torch.tensor([[2.0, 0.0], [0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    label = torch.tensor([0, 0])
    value = truncated(z, label)
    (pull,) = torch.autograd.grad(value.sum(), z)
    expected = generalized_cross_entropy(z, label, 0.7)[0].item(), (1 - 0.5**0.7) / 0.7
    close = np.allclose(value.detach(), expected)
    return close and bool(pull[0].abs().sum() > 0) and bool(pull[1].abs().sum() == 0)


exercise("exercise 2", judge_truncated, "clamp the label's probability from below at k")

# %% [markdown]
# <details><summary>A solution</summary>
#
# ```python
# log_p = logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
# return -torch.expm1(q * log_p.clamp(min=np.log(k))) / q
# ```
#
# </details>
#
# **3. Explore.** Set `Q = 1.0` at the top and run everything. Then `NOISE_RATE = 0.0`.
#
# <details><summary>What you should find</summary>
# At q = 1 nearly nothing is memorised, and learning is slow: a sample that the network does not yet
# believe pulls hardly at all, right or wrong. A class may be missed altogether. Without noise that costs
# accuracy and buys nothing: robustness is bought with the hard samples.</details>
#
# ## Deviations and failure modes
#
# * The paper truncates by pruning samples with a convex weight that is learned in turns; the truncated
#   loss of exercise 2 is its inner part alone. Networks, schedules and data here are ours.
# * A bounded loss does not know which label is wrong. Where a wrong label is the likelier one
#   (asymmetric noise above one half), it is believed.
# * Choosing $q$ on clean test labels is choosing with the answer in hand; `11_your_own_data` chooses
#   on noisy ones.
#
# **Recap.** A method here is a formula and its name. What makes it a result is around it: an independent
# check, the tests, more than one seed, a rule for the epoch, a record.
#
# **What to read next** `11_your_own_data`; `06_all_methods`, where a method that is registered above its list
# stands in every table; `09_text_against_code` for what a study is good for. `lnl_core/methods/base.py`,
# `tests/test_methods.py`, `docs/records.md`.

# %%
session.finish()
