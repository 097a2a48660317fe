# %% [markdown]
# # Cleaning labels: who finds the wrong ones, and who knows how sure it is?
#
# **You will** ask three questions of every method that judges labels: does it mend them (recovery), does it
# tell right from wrong (precision, recall, AUC), and does its probability mean what it says
# (calibration) · put cleanlab's confident learning beside them as an outside reference · see why a method can be excellent
# at one and poor at another.
#
# **You need** `03_joint_optimization` and `05_flywheel`; `07_transition_matrices` for $T$. **Time** a quarter of a
# minute of one quiet core with `PROFILE = "smoke"`.

# %% tags=["parameters"]
PROFILE = "smoke"  # smoke: digits, seconds a run · laptop and paper: MNIST, longer
NOISE_RATE = 0.4
SEED = 0
OUT_DIR = None

# %%
import numpy as np
import torch
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.neighbors import KNeighborsClassifier

from lnl_core import Noise, Run, configure, load_dataset, plots
from lnl_core.ledger.grid import results_folder
from lnl_core.ledger.report import as_printed
from lnl_core.ledger.tables import all_tables, table_cells
from lnl_core.measures.calibration import precision_recall, reliability
from lnl_core.measures.recovery import area_under_curve, recovery
from lnl_core.notation import notation
from lnl_core.notebook import Session, exercise, show, table
from lnl_core.profiles import PROFILES
from lnl_core.train import predict_logits

session = Session("08_cleaning_labels", PROFILE, OUT_DIR)
dataset = load_dataset(PROFILES[PROFILE].data)
noise = Noise("symmetric-inclusive", NOISE_RATE)
EPOCHS = {"smoke": 16, "laptop": 10, "paper": 40}[PROFILE]

# %% [markdown]
# ## Notation

# %%
table(notation("truth", "label", "right", "corrected", "trust", "posterior"))

# %% [markdown]
# A method may leave a **corrected label** $\hat y_i$ for sample $i$, and a **trust** $t_i$.
#
# * **Recovery accuracy**: the share of training samples with $\hat y_i = y_i$. Without cleaning it is the share of right
#   labels.
# * **Precision** of selection: of the labels that are kept, the share that is right; **recall**: of the right ones,
#   the share that is kept.
# * **AUC**: the probability that a right label has a larger $t$ than a wrong one. It needs an order only.
# * **Expected calibration error**, for a $t$ that is a probability. Cut $[0, 1]$ in ten bins of equal width; with $n_b$ the
#   samples in bin $b$, $\bar t_b$ their mean probability and $\bar s_b$ the share of right labels among them,
#
# $$\text{ECE} = \sum_b \frac{n_b}{N}\, \big|\bar s_b - \bar t_b\big|$$
#
# ECE judges the bins' means. To call every label right with the share of right labels is perfectly calibrated, and useless:

# %% tags=["nbval-check-output"]
generator = torch.Generator().manual_seed(0)
s = torch.rand(10_000, generator=generator) < 0.64
base_rate = torch.full((10_000,), s.double().mean().item(), dtype=torch.float64)
oracle = torch.where(s, 0.6, 0.4)  # knows each label, and says so timidly
session.check("the base rate has no calibration error", reliability(base_rate, s).error < 1e-9)
session.check("and an AUC of one half", abs(area_under_curve(base_rate, s) - 0.5) < 1e-9)
session.check("a timid oracle has an AUC of 1", area_under_curve(oracle, s) == 1)
session.check("and is 0.4 off", abs(reliability(oracle, s).error - 0.4) < 1e-6)

# %% [markdown]
# ## Who says what
#
# | method | corrected label | trust |
# |---|---|---|
# | `joint`, `pencil` | label distributions learned with the network | what these give to $\tilde y$: taken so here |
# | `elr` | its running target | what the target gives to $\tilde y$: taken so here |
# | `dividemix` | its last targets | $w$, from a mixture of two Gaussians over losses: a probability |
# | `flywheel` | $q_i(y)$ | $q(s_i = 1)$: a probability |
# | `sft` | none | a score in $[0, 1]$: no probability, so no calibration |
# | cleanlab | none; the classifier's class where it flags | self-confidence $\hat p(\tilde y \vert x)$ out of sample; flags by confident learning |
#
# `unicon`, DivideMix's kin, is slower and left to the recorded tables below. **CAN**
# is for several labels a sample: its trust is minus a distance, with no zero or scale, so calibration is not
# defined, and "recovered" asks for the whole vector. It is left out of this table and judged in `04_quality_embedding`.
#
# ## Training
#
# The same data, the same network (an MLP), the same noise: with probability `NOISE_RATE` a label is drawn anew from
# *all* classes, and one time in $K$ it is the old one. How many are wrong is counted below. The flywheel runs
# without its contrastive term, for speed.

# %%
METHODS = {
    "joint": "joint optimization", "pencil": "PENCIL", "elr": "ELR", "sft": "SFT",
    "dividemix": "DivideMix", "flywheel-no-cl": "flywheel",
}  # fmt: skip


def finished(method):
    config = configure(method, noise=noise, dataset=dataset, net="mlp", seed=SEED, epochs=EPOCHS,
                       profile="smoke" if PROFILE == "smoke" else "laptop")  # fmt: skip
    run = Run(config, dataset=dataset)
    for _ in run:
        pass
    return run


runs = {method: finished(method) for method in METHODS}
plain = finished("cross-entropy")
train = plain.data.train
right = train.labels == train.clean
given = train.labels[:, None]
session.check(
    "all were trained on the same labels",
    all(torch.equal(run.data.train.labels, train.labels) for run in runs.values()),
)
wrong_share = (~right).double().mean().item()
expected = NOISE_RATE * (1 - 1 / plain.data.num_classes)
print(
    f"{len(train)} samples; {expected:.1%} of the labels expected to be wrong, {wrong_share:.1%} are"
)

# %% [markdown]
# ### cleanlab on two kinds of predictions
#
# Confident learning (Northcutt et al., 2021) needs $\hat p(\tilde y|x)$ **out of sample**: a network that has learned its labels by
# heart finds all of them right. A five-fold nearest-neighbour vote gives such predictions in no time.
# To compare *on the same predictions*, cleanlab is also given the last predictions that DivideMix's classifier
# makes of the training samples. These are in sample, and a robust method memorises little.

# %%
labels = train.labels.numpy()
pixels = train.x.flatten(1).numpy().astype(np.float32)
fold = np.arange(len(labels)) % 5  # the split's order is random
neighbours = np.zeros((len(labels), plain.data.num_classes))
for k in range(5):
    vote = KNeighborsClassifier(15).fit(pixels[fold != k], labels[fold != k])
    neighbours[np.ix_(fold == k, vote.classes_)] = vote.predict_proba(pixels[fold == k])


def predictions(run):
    preprocess = run.data.preprocess(run.config.train.preprocess)
    return predict_logits(run.method, run.data.train.x, preprocess).double().softmax(-1).numpy()


sources = {
    "cleanlab on neighbours": neighbours,
    "cleanlab on cross-entropy": predictions(plain),
    "cleanlab on DivideMix": predictions(runs["dividemix"]),
}
confident = {
    name: {
        "kept": torch.from_numpy(~find_label_issues(labels, said, n_jobs=1)),
        "trust": torch.from_numpy(get_label_quality_scores(labels, said)).clamp(0, 1),
        "corrected": torch.from_numpy(said.argmax(1)),
    }
    for name, said in sources.items()
}
for judged in confident.values():  # a label that is not flagged stays
    judged["corrected"] = torch.where(judged["kept"], train.labels, judged["corrected"])

# %% [markdown]
# ## Recovery, selection, calibration
#
# A label counts as kept where trust is above one half; cleanlab's where it is not flagged. Where a method has no
# trust of its own, its corrected distribution's value at $\tilde y$ stands in.

# %% tags=["nbval-check-output"]
judges = {}
for method, run in runs.items():
    trust, corrected = run.method.clean_probability(), run.method.corrected_labels()
    if trust is None:
        trust = corrected.gather(1, given)[:, 0]
    judges[METHODS[method]] = {
        "trust": trust.double().clamp(0, 1),
        "kept": trust > 0.5,
        "corrected": None if corrected is None else corrected.argmax(1),
        "probability": method != "sft",
    }
judges |= {name: judged | {"probability": True} for name, judged in confident.items()}


def scores(judge):
    precision, recall = precision_recall(judge["kept"], right)
    mended = judge["corrected"]
    return {
        "recovery": None if mended is None else (mended == train.clean).double().mean().item(),
        "precision": precision,
        "recall": recall,
        "AUC": area_under_curve(judge["trust"], right).item(),
        "ECE": reliability(judge["trust"], right).error if judge["probability"] else None,
    }


judged = {name: scores(judge) for name, judge in judges.items()}
session.check(
    "recovery is what evaluation records",
    abs(recovery(runs["joint"].method, plain.data)["recovered"]
        - judged["joint optimization"]["recovery"]) < 1e-9,
)  # fmt: skip
as_given = right.double().mean().item()
no_better = [name for name, s in judged.items() if s["recovery"] and s["recovery"] <= as_given]
session.claim(
    "every corrected labelling is better than the given one",
    not no_better,
    f"no better: {', '.join(no_better)}" if no_better else "",
)
session.claim(
    "cleanlab sorts labels better by out-of-sample votes than by a network that has seen them",
    judged["cleanlab on neighbours"]["AUC"] > judged["cleanlab on cross-entropy"]["AUC"],
)

# %%
table([{"method": name, **found} for name, found in judged.items()])

# %% [markdown]
# In percent; "—" where a method does not say. A method can sort well and mend nothing: PENCIL's distributions
# begin at the given label and are moved by small steps, so after few epochs the given label is still the likeliest
# everywhere (recovery is the share of right labels, recall 100), while *how far* each one was moved tells right from
# wrong. AUC and ECE answer different questions, too: read the reliability diagram for which side a method errs on.

# %%
shown = [name for name, judge in judges.items() if judge["probability"]]
figure, axes = plots.new_figure(columns=4, rows=2, width=2.6, height=2.7)
for axis, name in zip(axes.flat, shown, strict=True):
    found = reliability(judges[name]["trust"], right)
    outside = name in confident  # cleanlab's
    style = {"color": plots.COLOURS[outside], "marker": plots.MARKERS[outside], "alpha": 0.8}
    axis.plot([0, 1], [0, 1], "--", color="0.6", lw=1)
    axis.plot(found.stated, found.observed, color=plots.COLOURS[outside], lw=1)
    axis.scatter(found.stated, found.observed, s=8 + 300 * found.count / found.count.sum(), **style)
    axis.set(xlim=(-0.08, 1.08), ylim=(-0.08, 1.08), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1),
             title=f"{name}\nECE {100 * found.error:.1f}%")  # fmt: skip
    axis.title.set_size("small")
figure.supxlabel("stated probability of being right", fontsize="medium")
figure.supylabel("share that is right", fontsize="medium")
show(figure, alt="Eight reliability diagrams, circles for methods and squares for cleanlab: the share of right "
     "labels over the stated probability, marker size by the number of samples, with the diagonal.")  # fmt: skip

# %% [markdown]
# Below the diagonal a method is too trusting, above it too suspicious. A method that puts nearly
# everything at 0 or 1 has few samples in the middle, and the small markers there are mostly chance.
#
# ### How many labels are wrong? Confident learning's count
#
# Confident learning counts a sample as *confidently* of class $j$ when $\hat p_j(x)$ is at least the mean of $\hat p_j$ over the samples labelled
# $j$; the counts of (given, confident) pairs estimate the joint distribution of labels.

# %%
rows = []
for name, said in sources.items():
    joint = compute_confident_joint(labels, said, calibrate=True)
    rows.append({"predictions": name.removeprefix("cleanlab on "),
                 "estimated share of wrong labels": float(1 - np.trace(joint) / joint.sum()),
                 "true share": wrong_share})  # fmt: skip
table(rows)

# %% [markdown]
# ## The recorded runs
#
# AUC and accuracy of refurbished labels of the project's recorded runs on digits, which are longer and of several
# seeds; nothing is retrained here.

# %% tags=["nbval-check-output"]
records = list(results_folder("kim2024", "paper"))
for name in ("kim2024/digits-auc", "kim2024/digits-refurbished"):
    spec = all_tables()[name]
    cells = table_cells(spec, records)
    there = sum(cell.comparison.mean is not None for cell in cells)
    print(f"{spec.title}: {there or 'not run, none'} of {len(cells)} cells")
    if there:
        table(as_printed(cells))

# %% [markdown]
# ## Exercises
#
# **1. Predict.** Suppose that 36% of the labels are wrong. A judge keeps everything. What are its precision and its recall?

# %%
its_precision, its_recall = ..., ...

exercise(
    "exercise 1",
    lambda: (
        ...
        if ... in (its_precision, its_recall)
        else abs(its_precision - 0.64) < 1e-9 and its_recall == 1
    ),
    "precision is then the share of right labels; recall asks what was lost",
)

# %% [markdown]
# <details><summary>Solution</summary>
#
# 0.64 and 1: keeping everything loses no right label, and what is kept is as right as the data.
#
# </details>
#
# **2. Complete.** The expected calibration error of `probability` float64 [N] and `right` bool [N] in ten bins.


# %%
def my_calibration_error(probability, right):
    return ...


def judge_error():
    rng = torch.Generator().manual_seed(3)
    said = torch.rand(500, generator=rng, dtype=torch.float64)
    true = torch.rand(500, generator=rng) < said**2
    mine = my_calibration_error(said, true)
    return mine if mine is ... else abs(float(mine) - reliability(said, true).error) < 1e-9


exercise("exercise 2", judge_error, "bin = floor(10 p), at most 9; weight each gap by n_b / N")

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# bins, gap = (10 * probability).long().clamp_max(9), 0.0
# for b in bins.unique():
#     inside = bins == b
#     difference = right[inside].double().mean() - probability[inside].mean()
#     gap += inside.double().mean() * difference.abs()
# return gap
# ```
#
# </details>
#
# **3. Explore.** Change the noise to `Noise("asymmetric", NOISE_RATE)`. Which judge's AUC falls most? Does its calibration tell?
#
# <details><summary>What to look for</summary>
#
# Where classes are confused in pairs, wrong labels look like right ones: their losses are small, too, and what is
# cut by loss alone mixes them. A judge can then be wrong *and* sure.
#
# </details>
#
# ## Where it fails
#
# * One seed of one noise, a few epochs with each method's default options: no ranking of methods. The recorded tables have more seeds.
# * Trust read off a corrected distribution (`joint`, `pencil`, `elr`) was never meant as a probability of being right.
# * On real data nobody knows $s_i$: a reliability diagram needs labels that were checked by hand.
#
# **Recap.** Mending, sorting and knowing how sure one is are three abilities. Ask for AUC where you rank labels
# for a second look, precision and recall where you cut, calibration where the number itself is used.
#
# **What to read next** `05_flywheel` on how $q(s_i = 1)$ comes about, and `04_quality_embedding` for several labels a
# sample; `09_text_against_code` on what single settings are worth, `10_your_own_method` for a cleaner of your own,
# `11_your_own_data` for labels that nobody has drawn. `lnl_core/measures/calibration.py` and `recovery.py` have this page's measures.

# %%
session.finish()
