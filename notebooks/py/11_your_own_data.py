# %% [markdown]
# # Data of your own, with noisy labels that nobody drew from a matrix
#
# **You will** write one `.npz` and have it read · train on labels that came with the data · learn what
# can be measured when the true labels are known, when they are not, and when a few are · choose a method
# by noisy labels alone, and see afterwards what the choice was worth · be refused, in one sentence, for
# everything that is wrong with a file.
#
# **You need** `00_start_here`; for $\hat T$ `01_loss_correction`. **Time** half a minute of one quiet core
# with `PROFILE = "smoke"`.

# %% tags=["parameters"]
PROFILE = "smoke"  # every profile trains on the same small file; it bounds the epochs
ANNOTATORS = 5
LESSON = 40  # digits that an annotator learns from
CHECKED = 120  # labels that an expert has checked
SEED = 0
OUT_DIR = None

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from lnl_core import InputError, Noise, Run, configure, load_dataset, plots, transition
from lnl_core.cli import main as lnl
from lnl_core.measures.selection import select
from lnl_core.notation import notation
from lnl_core.notebook import Session, exercise, show, table, watch

session = Session("11_your_own_data", PROFILE, OUT_DIR)
digits = load_dataset("digits")
workplace = tempfile.TemporaryDirectory()
folder = Path(workplace.name)
print(f"{digits.name}: {len(digits.x_train)} training samples, {digits.source}")

# %% [markdown]
# ## Notation

# %%
table(notation("sample", "truth", "label", "noise", "memorised"))

# %% [markdown]
# ## Labels from annotators
#
# Your data came labelled by somebody. So that this page can be checked, ours come from annotators we
# make: each is a nearest-neighbour classifier that has seen forty digits, and no two have seen the same.
# Those digits are then put aside. Of the rest each is labelled by one annotator, at random. These
# annotators are simulated, but the mistakes are their own: they depend on the picture, and no
# matrix was drawn from.

# %%
rng = np.random.default_rng(SEED)
order = rng.permutation(len(digits.x_train))
lessons, rest = order[: ANNOTATORS * LESSON], order[ANNOTATORS * LESSON :]
pixels, truth = digits.x_train.numpy(), digits.y_train.numpy()


def flat(images):
    return images.reshape(len(images), -1)


annotators = [
    KNeighborsClassifier(1).fit(flat(pixels[own]), truth[own])
    for own in lessons.reshape(ANNOTATORS, LESSON)
]
x, clean = pixels[rest], truth[rest]
opinions = np.stack([annotator.predict(flat(x)) for annotator in annotators])
who = rng.integers(ANNOTATORS, size=len(x))
given = opinions[who, np.arange(len(x))]
table(
    [
        {"annotator": str(k), "labels": str((who == k).sum()), "of them right": (given == clean)[who == k].mean()}
        for k in range(ANNOTATORS)
    ]
)  # fmt: skip

# %% [markdown]
# ## One file
#
# | array | what |
# |---|---|
# | `x_train`, `x_test` | images `uint8` [N,H,W] or [N,H,W,C], vectors `float` [N,D], or token ids `int` [N,L] |
# | `y_train`, `y_test` | the true labels, `int` [N] (or 0/1 [N,K], multi-label) |
# | `y_train_noisy` | the labels that came with the data, if they are not in `y_train` |
# | `classes`, `source` | names, and a sentence on where it comes from: it goes into every record |
#
# `numpy.savez` writes it. It is read without unpickling anything, because a pickle can run code.

# %%
file = folder / "annotated.npz"
images = {"x_train": x[:, 0], "x_test": digits.x_test.numpy()[:, 0]}
labels = {"y_train": clean, "y_train_noisy": given, "y_test": digits.y_test.numpy()}
source = f"scikit-learn's digits, labelled by {ANNOTATORS} simulated annotators"
np.savez(file, **images, **labels, classes=np.array(digits.classes), source=source)
code = lnl(["data", "check", str(file)])
dataset = load_dataset(str(file))
session.check(
    "the file is accepted and reads as it was written",
    code == 0 and bool((dataset.y_train.numpy() == clean).all()),
)

# %% [markdown]
# From the shell: `lnl fit elr --data annotated.npz --noise given`. The noise is named `given`: it is
# the file's own. Its matrix was never a parameter; what is drawn here was counted.

# %%
GIVEN = Noise("given")
counted_on_all = transition.realised_matrix(clean, given, 10)
show(
    plots.transition_matrices({"T, counted on all samples": counted_on_all}, digits.classes),
    alt="The counted matrix of the annotators' labels: mostly diagonal, with a few strong "
    "confusions between digits that look alike.",
)
wrong = given != clean
picks = np.concatenate([np.flatnonzero(~wrong)[:8], np.flatnonzero(wrong)[:16]])
show(
    plots.samples(
        x[picks],
        [digits.classes[k] for k in clean[picks]],
        [digits.classes[k] for k in given[picks]],
    ),
    alt="Eight digits with right labels and sixteen with wrong ones, which are marked and name the truth.",
)
print(f"{wrong.mean():.1%} of the labels are wrong")

# %% [markdown]
# ### Not a matrix's noise
#
# With noise from a matrix, which samples are wrong is chance. Here it is not: what one annotator gets
# wrong, others tend to get wrong too. How many of the *other* annotators err on a sample, where its
# label is right and where it is wrong?

# %%
others = np.stack([np.delete(opinions[:, i], who[i]) for i in range(len(x))]) != clean[:, None]
rates = {"right": others[~wrong].mean(), "wrong": others[wrong].mean()}
print({name: f"{rate:.1%} of the others err" for name, rate in rates.items()})
session.claim(
    "where a label is wrong, another annotator errs more than twice as often",
    rates["wrong"] > 2 * rates["right"],
    f"{rates['wrong']:.1%} against {rates['right']:.1%}",
)

# %% [markdown]
# ## Case 1: the true labels are known (a benchmark)
#
# Then everything can be measured: how much is memorised, which epoch was best on clean validation
# labels, how right a method's relabelling is. Methods that must be *told* $T$ get the counted one.

# %%
METHODS = ("cross-entropy", "forward-estimated", "elr", "mixup")
small = {"profile": PROFILE if PROFILE != "paper" else "laptop", "seed": SEED}


def without_truth(histories):
    return plots.learning_curves(histories, fields=("test_accuracy", "val_accuracy"))


def run_on(data, method, noise):
    return Run(configure(method, noise=noise, dataset=data, **small), dataset=data)


known = watch(
    {method: run_on(dataset, method, GIVEN) for method in METHODS},
    alt="Test accuracy and memorised labels over the epochs of four methods on annotators' labels.",
)
table([{"method": name, **select(history)} for name, history in known.items()])

# %% [markdown]
# ## Case 2: nobody knows the true labels
#
# Then `y_train` *is* what you were given, there is no `y_train_noisy`, and the noise is called `none`,
# because nothing is added. What changes is not the training. It is what the numbers mean.

# %%
blind_file = folder / "blind.npz"
np.savez(blind_file, **images, y_train=given, y_test=labels["y_test"], source=source)
blind = load_dataset(str(blind_file))
unknown = watch(
    {method: run_on(blind, method, "none") for method in METHODS},
    draw=without_truth,
    alt="The same runs without knowledge of the true labels: test accuracy, and accuracy on held-out "
    "noisy labels, which lies lower.",
)
table(
    [
        {
            "number": name,
            "known": getattr(known["cross-entropy"][-1], name),
            "unknown": getattr(unknown["cross-entropy"][-1], name),
        }
        for name in (
            "test_accuracy",
            "val_accuracy",
            "val_clean_accuracy",
            "train_clean_accuracy",
            "memorised",
        )
    ]
)
session.check(
    "the training is the same: test accuracy does not change by what is known",
    all(
        [e.test_accuracy for e in known[m]] == [e.test_accuracy for e in unknown[m]]
        for m in METHODS
    ),
)
session.check(
    "'clean' accuracy is then the noisy one by another name",
    unknown["cross-entropy"][-1].val_clean_accuracy == unknown["cross-entropy"][-1].val_accuracy,
)

# %% [markdown]
# | number | true labels known | unknown |
# |---|---|---|
# | noisy validation loss and accuracy | yes | **yes, and with it the rule `best_val`** |
# | accuracy on clean test labels | yes | only if somebody checks a test set by hand: a few hundred will do |
# | memorised, recovery, AUC of a selection | yes | no: there is nothing to compare with |
# | realised noise and its matrix | counted | no; `forward-estimated` guesses one |
# | rules `best_val_clean` | yes | no: it silently becomes the best *noisy* accuracy |
#
# If not even the test labels are clean, no number on this page is an accuracy: two methods can be ranked,
# if the noise does not prefer one of them.
#
# ## Choosing without a clean label
#
# **Predict**: is the method that agrees most with the held-out noisy labels the one that is best on clean
# ones? If each class keeps its own label more often than any other, the classifier that is best on one is
# best on the other, given enough samples. Here are 110.

# %%
chosen = {}
for name, history in unknown.items():
    stage = [record for record in history if record.stage == history[-1].stage]
    chosen[name] = max(stage, key=lambda record: record.val_accuracy)
ranking = sorted(chosen, key=lambda name: -chosen[name].val_accuracy)
table(
    [
        {
            "method": name,
            "accuracy on held-out noisy labels": chosen[name].val_accuracy,
            "at epoch": str(chosen[name].epoch),
            "on clean test labels, then": chosen[name].test_accuracy,
        }
        for name in ranking
    ]
)
best, baseline = max(c.test_accuracy for c in chosen.values()), unknown["cross-entropy"][-1]
session.claim(
    "the choice by noisy labels is within three points of the best of these",
    best - chosen[ranking[0]].test_accuracy < 0.03,
    f"{chosen[ranking[0]].test_accuracy:.1%} ({ranking[0]}), best {best:.1%}",
)
session.claim(
    "it is above cross-entropy's last epoch, which is what one has without a choice",
    chosen[ranking[0]].test_accuracy > baseline.test_accuracy,
    f"{chosen[ranking[0]].test_accuracy:.1%} against {baseline.test_accuracy:.1%}",
)

# %% [markdown]
# One split of 110 labels has a standard error of some four points: near ties are decided by chance. With
# `SEED = 1`, and soft bootstrapping among the candidates, it was chosen, seven points below the best. More
# splits (`Seeds(split=…)`, or `lnl_core.cross_validation` for the options of one method) are the remedy.
#
# ## Case 3: a few labels are checked
#
# Suppose an expert has checked a hundred labels or so. These **trusted samples** do two things. They are
# clean training data. And since their noisy labels are known as well, they tell $T$: count how often
# each true class carries each given label. A `Dataset` takes both; the true labels of all others stay
# unknown.

# %%
checked = rng.permutation(len(x))[:CHECKED]
unchecked = np.setdiff1d(np.arange(len(x)), checked)
counts = np.zeros((10, 10))
np.add.at(counts, (clean[checked], given[checked]), 1)
# A dozen samples a class leave zeros that are no zeros: the identity counts as one sample more.
counts += np.eye(10)
counted = counts / counts.sum(1, keepdims=True)
tensor = torch.from_numpy
trusted = replace(
    blind,
    name="annotated-trusted",
    x_train=blind.x_train[tensor(unchecked)],
    y_train=tensor(given[unchecked]),
    y_train_noisy=tensor(given[unchecked]),
    x_trusted=blind.x_train[tensor(checked)],
    y_trusted=tensor(clean[checked]),
    transition_matrix=counted,
)
with_trusted = watch(
    {
        name: run_on(trusted, name, GIVEN)
        for name in ("clean-only", "forward", "forward-fine-tuned")
    },
    draw=without_truth,
    alt="Test accuracy, and accuracy on held-out noisy labels, of training on the checked samples alone, of forward correction by the counted "
    "matrix, and of that fine-tuned on the checked samples.",
)
rows = {"cross-entropy, all as given": unknown["cross-entropy"]} | with_trusted
table(
    [
        {"method": name, "test accuracy, last": history[-1].test_accuracy}
        for name, history in rows.items()
    ]
)

# %%
show(
    plots.transition_matrices(
        {"counted on all (unknown to us)": counted_on_all, f"on {CHECKED} checked": counted},
        digits.classes,
    ),
    alt="Two transition matrices: counted on all samples, and on the checked ones, which finds the "
    "strong confusions and misses or exaggerates the rare ones.",
)
error = np.abs(counted - counted_on_all).sum(1).mean()
print(
    f"mean L1 error of a row: {error:.2f}; of no noise at all: {np.abs(np.eye(10) - counted_on_all).sum(1).mean():.2f}"
)
alone, all_given = (
    rows[name][-1].test_accuracy for name in ("clean-only", "cross-entropy, all as given")
)
session.claim(
    "the checked labels alone train a better network than cross-entropy on all the noisy ones",
    alone > all_given,
    f"{alone:.1%} against {all_given:.1%}",
)

# %% [markdown]
# Read the table twice. The checked labels are a ninth of the noisy ones, and under plain cross-entropy
# they are worth more. Digits are easy, and these annotators' mistakes are easily learned: they follow the
# picture, and the network with them. A correction by one matrix helps little against that. A method that
# memorises less (ELR, mixup, above: half to three fifths of the wrong labels, cross-entropy nearly all) gets
# about as far without any checked label.

# %% [markdown]
# ## What is refused, and how
#
# A file that is wrong costs a sentence, not an hour of training.

# %% tags=["nbval-check-output"]
good = {**images, **labels}
pictures = images["x_train"]
broken = {
    "pixels as float": {"x_train": pictures / 16.0},
    "labels as float": {"y_train": clean.astype(float)},
    "a label outside": {"y_train_noisy": np.where(given == 9, 12, given)},
    "too few labels": {"y_train_noisy": given[:-1]},
    "five channels": {"x_train": np.zeros((len(x), 8, 8, 5), np.uint8)},
    "NaN in a feature": {
        "x_train": np.where(np.arange(64) == 3, np.nan, flat(x).astype(np.float32)),
        "x_test": flat(digits.x_test.numpy()).astype(np.float32),
    },
    "an array of objects": {"y_train": clean.astype(object)},
    "no test labels": {"y_test": None},
}
for what, change in broken.items():
    arrays = {key: array for key, array in (good | change).items() if array is not None}
    np.savez(folder / "broken.npz", **arrays)
    try:
        load_dataset(str(folder / "broken.npz"))
        session.check(f"{what} is refused", False)
    except InputError as refusal:
        print(f"{what}: {str(refusal).replace(str(folder), '…')}\n")
(folder / "cut.npz").write_bytes(file.read_bytes()[:1000])
try:
    load_dataset(str(folder / "cut.npz"))
    session.check("a file cut short is refused", False)
except InputError as refusal:
    print(f"a file cut short: {str(refusal).replace(str(folder), '…')}")

# %% [markdown]
# ## Keeping what was found
#
# `lnl fit elr --data annotated.npz --noise given --json` prints the run as a record: config, noise,
# history and the fingerprint of the data, which changes with a single label. The path does not stand in
# it, which is your machine's alone.

# %% tags=["nbval-check-output"]
flipped = given.copy()
flipped[0] = (flipped[0] + 1) % 10
other = replace(dataset, y_train_noisy=tensor(flipped))
session.check("one label changed is another dataset", dataset.fingerprint != other.fingerprint)
session.check(
    "a record names the data and not the path",
    run_on(dataset, "cross-entropy", GIVEN).data.name == "annotated",
)

# %%
workplace.cleanup()

# %% [markdown]
# ## Exercises
#
# **1. Predict.** 1,000 validation labels, 20% of them wrong at random. What accuracy against them does a
# classifier have that is always right?

# %%
ceiling = ...

exercise(
    "exercise 1",
    lambda: ceiling if ceiling is ... else abs(ceiling - 0.8) < 1e-9,
    "it disagrees with every wrong label, and with no other",
)

# %% [markdown]
# <details><summary>Solution</summary>
#
# 0.8: it is counted wrong on every wrong label. The best that can be seen on noisy labels is the share of right ones.
#
# </details>
#
# **2. Complete.** Every sample here had one annotator. If all five label it, take the label that most of
# them gave (`opinions` is [annotators, samples]; of a tie any). Is it right more often?


# %%
def majority(opinions):
    return ...


def judge_majority():
    voted = majority(opinions)
    if voted is ...:
        return ...
    votes = np.stack([(opinions == k).sum(0) for k in range(10)])
    most = votes[voted, np.arange(len(x))] == votes.max(0)
    print(
        f"one annotator: {(given == clean).mean():.1%} right; the majority: {(voted == clean).mean():.1%}"
    )
    return bool(most.all())


exercise("exercise 2", judge_majority, "count the votes for each class, then argmax over classes")

# %% [markdown]
# <details><summary>A solution</summary>
#
# ```python
# return np.stack([(opinions == k).sum(0) for k in range(10)]).argmax(0)
# ```
#
# </details>
#
# **3. Explore.** Set `LESSON = 15` at the top: annotators who know next to nothing. Does choosing by noisy
# labels still work? Then `CHECKED = 30`: from when on are the checked samples alone enough?
#
# <details><summary>What you should find</summary>
# Annotators of fifteen digits are wrong four times in ten, and the choice by noisy labels still finds ELR,
# twenty points above cross-entropy's last epoch. Their mistakes have less in common, because each lacks
# whole classes that the others know: the first claim fails. Thirty checked labels alone train a network far
# worse than the noisy ones do; a hundred and twenty a better one.</details>
#
# ## Deviations and failure modes
#
# * The annotators are simulated, and see pixels alone. People also misread instructions, get tired, and
#   copy each other.
# * Noise that depends on the picture is outside the theory of `01_loss_correction`: one matrix for all
#   samples is a summary. `05_flywheel` and the protocol `part-dependent` are about such noise.
# * Held-out noisy labels prefer a method that makes the annotators' mistakes. If these are systematic
#   (most sevens with a bar are called fours), such a method is chosen.
# * The file format has no place for trusted samples or $T$: they are given in Python, as above.
#
# **Recap.** Write down what the labels are and where they come from. Keep noisy labels aside to choose
# by, have a test set checked by hand, and say which of your numbers are accuracies.
#
# **What to read next** `data/README.md` for the datasets that come with the project; `10_your_own_method` if no
# method here fits yours; `08_cleaning_labels` to find the wrong labels themselves, `06_all_methods` for more methods
# to choose from.

# %%
session.finish()
