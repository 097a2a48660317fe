# %% [markdown]
# # Start here: what wrong labels do, and how to read this collection
#
# **You will** see a network learn the truth first and the mistakes afterwards · meet the noise
# protocols of five papers and the matrix that describes them · learn why "the accuracy" depends on
# the epoch you choose · try a first method that knows about noise · add one of your own.
#
# **You need** Python and the idea of a classifier trained by gradient descent. No GPU, no download:
# everything below is trained live on 1,297 real handwritten digits.
#
# **Time** about half a minute of computing with `PROFILE = "smoke"` on two CPU cores.
#
# | notebook | what it teaches |
# |---|---|
# | `00_start_here` | this page |
# | `01_loss_correction` | Patrini et al. 2017: correct the loss with the noise matrix |
# | `02_nnaqc` | Jindal et al. 2019: a noise layer on the network, and quasi-clustering |
# | `03_joint_optimization` | Tanaka et al. 2018: labels learned together with the network |
# | `04_quality_embedding` | Yao et al. 2018: how far a label is to be trusted, as a latent vector |
# | `05_flywheel` | Kim et al. 2024: is the label right, and what would be, in turns |
# | `06_all_methods` | every method on the same data, and five ways to name the winner |
# | `07_transition_matrices` | all estimates of the noise beside the truth |
# | `08_cleaning_labels` | what finds wrong labels, and what mends them |
# | `09_text_against_code` | where a paper and its authors' code differ, and what that is worth |
# | `10_your_own_method` | from a formula to a row in a table |
# | `11_your_own_data` | your labels, without a truth to compare with |
#
# After this page, 01 and then whatever you came for: 02 to 05 stand each on its own.

# %% tags=["parameters"]
# Change these, run all cells, and everything below follows.
PROFILE = "smoke"  # smoke: embedded digits, seconds · laptop, paper: MNIST, a minute
NOISE_RATE = 0.4  # a fraction: 0.4 is 40%
SEED = 0
OUT_DIR = None  # where a headless run leaves its report

# %%
import numpy as np
import torch
from torch.nn import functional as F

from lnl_core import Method, Noise, Run, configure, load_dataset, plots, register, transition
from lnl_core.measures.selection import RULES, select
from lnl_core.noise import PROTOCOLS
from lnl_core.notebook import Session, exercise, show, table, watch
from lnl_core.profiles import PROFILES
from lnl_core.widgets import (
    Choice,
    LossShapesExplorer,
    NoiseExplorer,
    TrainAndWatchExplorer,
    draw_noise,
    loss_shapes,
    render_noise,
    render_shapes,
    render_watched,
    train_choice,
)

session = Session("00_start_here", PROFILE, OUT_DIR)
dataset = load_dataset(PROFILES[PROFILE].data)
print(
    f"{dataset.name}: {len(dataset.x_train)} training samples, {dataset.num_classes} classes, {dataset.source}"
)

# %% [markdown]
# ## The problem in one picture
#
# Labels are made by people, by scripts, by search engines, and some of them are wrong. Here we
# ruin some ourselves, because then we know the truth and can measure what a method makes of it.

# %%
ruined = draw_noise(dataset, Noise("symmetric", NOISE_RATE), SEED)
first = slice(0, 24)
show(
    plots.samples(
        dataset.x_train[first],
        [dataset.classes[k] for k in dataset.y_train[first]],
        [dataset.classes[k] for k in ruined.noisy[first]],
    ),
    alt=f"24 digits with their labels; about {NOISE_RATE:.0%} carry a wrong one, marked in orange.",
)

# %% [markdown]
# ## Notation
#
# | symbol | in the code | meaning |
# |---|---|---|
# | $x$ | `x` | a sample: an image, a vector |
# | $y$, $\tilde y$ | `clean`, `labels` | its true label, and the label we are given |
# | $K$ | `num_classes` | the number of classes |
# | $T_{ij} = p(\tilde y = j \mid y = i)$ | `transition_matrix` | the noise; rows sum to 1, whatever a paper writes |
# | $\hat p(y \mid x)$ | `predict(x)` | what the network believes |
# | $\eta$ or $N$ | `rate` | the parameter of a noise protocol |
#
# Everything is a **fraction** in code and in records. Percent appear only in tables for people.
#
# ## Noise protocols: "50% symmetric" means two things
#
# Patrini et al. move a label to one of the *other* classes. Tanaka et al. and Kim et al. draw the
# new label among *all* classes, so that one time in $K$ nothing changes. Same name, same rate in
# the papers' tables, less noise in the second. So here every protocol has a name of its own, and
# every run reports what was asked for (nominal) and what came out (realised).

# %% tags=["nbval-check-output"]
for name in ("symmetric", "symmetric-inclusive"):
    T = Noise(name, 0.5).transition_matrix(10)
    print(
        f"{name:20} a label survives with probability {T[0, 0]:.3f}, rows sum to {T.sum(1).max():.1f}"
    )
session.check(
    "'symmetric-inclusive' at rate r really flips r (K-1)/K of the labels",
    np.isclose(1 - Noise("symmetric-inclusive", 0.5).transition_matrix(10)[0, 0], 0.5 * 9 / 10),
)

# %% tags=["nbval-check-output"]
print(*(f"{name:20} {summary}" for name, (_, summary) in PROTOCOLS.items()), sep="\n")

# %% [markdown]
# ## What the noise does: the network learns the truth first, then the mistakes
#
# The same network twice, by plain cross-entropy: once with the labels as they are, once with
# noise. Watch two curves. *Test accuracy* is measured on clean labels. *Memorised* is the share of
# mislabelled training samples on which the network says the very label that it was wrongly given.
#
# Few samples, forty epochs, no dropout: so it takes seconds. With 60,000 samples and dropout the
# same happens later, and slower.

# %%
noise = Noise("symmetric", NOISE_RATE)
small = {
    "profile": PROFILE,
    "seed": SEED,
    "limit": 1500 if len(dataset.x_train) > 1500 else None,
    "epochs": 40,
    "batch_size": 32,
    "net_options": {"dropout": 0.0},
}
runs = {
    "clean labels": Run(configure("cross-entropy", noise="none", **small)),
    f"{NOISE_RATE:.0%} noise": Run(configure("cross-entropy", noise=noise, **small)),
}
for label, run in runs.items():
    report = run.data.noise
    print(f"{label}: nominal {report.nominal_rate or 0:.1%}, realised {report.realised_rate:.1%}")
histories = watch(
    runs,
    alt="Left: test accuracy of both runs; with noise it rises, peaks within a few epochs and "
    "falls. Right: the share of wrong labels memorised, rising epoch by epoch.",
)

# %% [markdown]
# Three things to read off:
#
# 1. Early on, the noisy run predicts nearly as well as the clean one. Wrong labels contradict each
#    other; the truth is what many samples agree on, and agreement is learned first.
# 2. Then the training loss has nowhere to go but into the mistakes. The network learns them by
#    heart, and test accuracy falls.
# 3. Nothing in the *noisy training accuracy* warns you: it goes on rising.

# %%
noisy_history = histories[f"{NOISE_RATE:.0%} noise"]
show(
    plots.learning_curves(
        {"with noise": noisy_history},
        fields=("train_accuracy", "train_clean_accuracy", "val_loss"),
    ),
    alt="With noise: training accuracy against noisy labels rises steadily, against the true "
    "labels it peaks and falls, and the validation loss rises after its early minimum.",
)
peak = max(record.test_accuracy for record in noisy_history)
last = noisy_history[-1]
session.claim(
    "test accuracy peaks early and then falls by more than five points",
    peak - last.test_accuracy > 0.05,
    f"peak {peak:.1%}, last {last.test_accuracy:.1%}",
)
session.claim(
    "by the end the network has memorised more than a quarter of the wrong labels",
    last.memorised > 0.25,
    f"{last.memorised:.1%}",
)

# %% [markdown]
# ## Which epoch is "the" result?
#
# One run, one history, and five answers, depending on which epoch you report. Papers differ in
# this more often than they say. So every run here keeps its whole history, every number carries
# its **selection rule**, and `best_test`, which looks at the answer, is never the headline.

# %%
chosen = select(noisy_history)
table([{"rule": rule, "test accuracy": chosen[rule], "meaning": RULES[rule]} for rule in chosen])

# %% [markdown]
# ## A first remedy
#
# If the noise matrix $T$ is known, the network's prediction can be pushed through it before it is
# compared with the noisy label. That is *forward correction*, one line of code, and the subject of
# the next notebook. On look-alike noise (8→1, 3→8, 4→7, 5↔9) it looks like this:

# %%
lookalikes = Noise("asymmetric", NOISE_RATE)
remedies = {
    method: Run(configure(method, noise=lookalikes, **small))
    for method in ("cross-entropy", "bootstrap-soft", "forward")
}
remedied = watch(
    remedies,
    alt="Test accuracy and memorised labels of cross-entropy, soft bootstrapping and forward "
    "correction on look-alike noise; forward correction stays highest and memorises least.",
)

# %%
table(
    [
        {"method": name, **{rule: value for rule, value in select(history).items()}}
        for name, history in remedied.items()
    ]
)
session.claim(
    "forward correction with the true T ends above cross-entropy",
    remedied["forward"][-1].test_accuracy > remedied["cross-entropy"][-1].test_accuracy,
    f"{remedied['forward'][-1].test_accuracy:.1%} against "
    f"{remedied['cross-entropy'][-1].test_accuracy:.1%}",
)

# %% [markdown]
# ## Explorer: turn the noise
#
# Move the rate, change the protocol, draw again. On the left is $T$ as it came out, on the right
# the labels it ruins. Try: at which rate of `symmetric` noise does the diagonal stop being the
# largest entry of its row? Then nothing in the labels points to the truth any more.

# %%
NoiseExplorer(dataset, rate=NOISE_RATE)

# %% [markdown]
# The same picture without the controls, for readers of a static page:

# %%
show(
    render_noise(dataset, draw_noise(dataset, Noise("asymmetric", NOISE_RATE), SEED)),
    alt="Left: the realised matrix of look-alike noise, five rows with an entry off the diagonal. "
    "Right: digits with their noisy labels.",
)

# %% [markdown]
# ## Explorer: train and watch
#
# Choose a method, data, noise and its rate, a learning rate and a seed, and press **Train**: the
# curves come as it learns, **Stop** ends it. **pin** keeps a run, dashed, to compare the next one
# with; **paper settings** takes a noise of the method's paper. **copy as code** shows the cell that
# trains the same, **save as CSV** writes its epochs beside this notebook.
#
# Try: pin cross-entropy, then train it at a tenth of the learning rate. Then `forward`, which is
# told $T$. Then `cores2` at rate 0.6, which is not.

# %%
small_data = [load_dataset(name) for name in ("digits", "shapes")]
TrainAndWatchExplorer(
    small_data, Choice(rate=NOISE_RATE, seed=SEED), folder="." if OUT_DIR is None else OUT_DIR
)

# %% [markdown]
# What it draws: plain cross-entropy, pinned, and forward correction with the true $T$.

# %%
watched = {}
for method in ("cross-entropy", "forward"):
    wanted = Choice(method, rate=NOISE_RATE, seed=SEED, epochs=25)
    *_, end = train_choice(wanted, small_data[0])
    watched[method] = end.state
show(
    render_watched(watched["forward"], ghost=watched["cross-entropy"]),
    alt="Accuracies and memorised labels over 25 epochs: forward correction solid, cross-entropy "
    "dashed; on clean test labels forward correction ends higher.",
)

# %% [markdown]
# ## Your own method, in a few lines
#
# A method is a class that says how a sample's loss is made. This one is the *mean absolute error*
# between prediction and one-hot label (Ghosh et al. 2017), whose sum over all labels is constant:
# symmetric noise then moves the expected loss without moving its minimum. One line registers it,
# and it can be configured, run, resumed and compared like any other.


# %%
def mean_absolute_error(logits, labels):
    """Σ_k |1[k = ỹ] - p̂_k| = 2 - 2 p̂_ỹ: bounded, so no single label can shout."""
    p = logits.softmax(-1)
    return 2 - 2 * p.gather(-1, labels[..., None])[..., 0]


class MeanAbsoluteError(Method):
    def criterion(self, logits, labels):
        return mean_absolute_error(logits, labels)


register("mae", MeanAbsoluteError, "mean absolute error (Ghosh et al. 2017)")
own = watch(
    {method: Run(configure(method, noise=noise, **small)) for method in ("cross-entropy", "mae")},
    alt="Mean absolute error against cross-entropy under symmetric noise: it memorises far less.",
)
table([{"method": name, **select(history)} for name, history in own.items()])

# %% tags=["nbval-check-output"]
logits = torch.linspace(-3, 3, 10, dtype=torch.float64)[None].repeat(10, 1)
every_label = torch.arange(10)
mae = mean_absolute_error(logits, every_label)
cross_entropy = F.cross_entropy(logits, every_label, reduction="none")
print(f"sum over all labels: MAE {mae.sum():.3f}, cross-entropy {cross_entropy.sum():.3f}")
session.check(
    "MAE summed over all labels is 2 (K - 1), whatever is predicted",
    torch.isclose(mae.sum(), torch.tensor(18.0, dtype=torch.float64)).item(),
)

# %% [markdown]
# ## Explorer: the shapes of losses
#
# Why bounded losses resist noise, in one picture. Far left the network gives the label almost no
# probability: a sample that is hard, or a label that is wrong. Cross-entropy pulls hardest exactly
# there. The bounded losses let go, of both: that is their price. Turn the number of classes and see
# how far left a network starts: the grey line, $1/K$; turn β, the weight that the two bootstraps leave the label.

# %%
LossShapesExplorer({"mae, ours": mean_absolute_error})

# %%
show(
    render_shapes(loss_shapes(10, 0.8, {"mae, ours": mean_absolute_error})),
    alt="Left: seven losses falling over the probability of the label. Right: how hard each pulls; "
    "cross-entropy most where the label has no probability, mean absolute error in the middle.",
)

# %% [markdown]
# ## Exercises
#
# Replace each `...` and run the cell. An exercise never stops the notebook.
#
# **1. Predict.** With 10 classes and `symmetric` noise, above which rate does a wrong class become
# more likely than the true one?

# %%
break_even = ...

exercise(
    "exercise 1",
    lambda: break_even if break_even is ... else abs(break_even - 0.9) < 1e-9,
    "the true class keeps 1 - r, each of the 9 others gets r / 9: when are they equal?",
)

# %% [markdown]
# **2. Code.** Write $T$ for three classes where class 0 is taken for class 2 in 30% of the cases and
# the others are always right.

# %%
my_matrix = ...

exercise(
    "exercise 2",
    lambda: (
        my_matrix
        if my_matrix is ...
        else np.allclose(
            transition.check_matrix(my_matrix, 3), [[0.7, 0, 0.3], [0, 1, 0], [0, 0, 1]]
        )
    ),
    "one row a clean class, one column a noisy label, each row sums to 1",
)

# %% [markdown]
# **3. Explore.** Set `NOISE_RATE` to 0.8 at the top and run everything. Does the network still learn
# the truth first? Which selection rule saves most?
#
# <details><summary>What you should find</summary>
# The early peak is lower but still there. The rules drift apart: the noisier the labels, the more
# the choice of the epoch is worth, and the closer <code>best_val</code> comes to being a method of
# its own.</details>
#
# ## How to read the collection
#
# * **Every notebook trains live** at the `smoke` profile and shows the papers' own numbers beside
#   those that this project measured at paper scale.
# * **Claims** are checked by code and counted at the end. One that does not hold says so.
# * **From the shell**: `lnl list methods`, `lnl fit forward --noise asymmetric:0.4`,
#   `lnl fit --help`.
# * **Deviations**: on digits the networks, epochs and rates are ours; no paper trains on them. What
#   is shown here is the phenomenon, not anybody's table.
#
# **Next:** `01_loss_correction`, what to do when you know, or can estimate, the noise.

# %%
session.finish()
