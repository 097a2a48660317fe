"""The methods, one file a paper or family. This table is the whole registry at a glance."""

from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.flywheel.flywheel import Flywheel
from lnl_core.methods.flywheel.main import MainEM
from lnl_core.methods.latent.can import CAN
from lnl_core.methods.latent.cnn_crf import CNNCRF
from lnl_core.methods.latent.icnm import ICNM
from lnl_core.methods.latent.instancegm import InstanceGM
from lnl_core.methods.neighbours.moit import moit
from lnl_core.methods.neighbours.ngc import NGC
from lnl_core.methods.neighbours.sel_cl_plus import sel_cl_plus
from lnl_core.methods.noise_layers.nnaqc import NNA, NNAQC, QC, NNAQCDropout
from lnl_core.methods.noise_layers.rivals import DropoutLayer, GenieQC, Trace
from lnl_core.methods.noise_layers.trusted import (
    nnaqc_clean_only,
    nnaqc_fine_tuned,
    nnaqc_with_clean,
)
from lnl_core.methods.registry import Entry, check_options, get_method, method_names, register
from lnl_core.methods.relabelling.joint import joint
from lnl_core.methods.relabelling.pencil import pencil
from lnl_core.methods.robust.bootstrap import BootstrapHard, BootstrapSoft
from lnl_core.methods.robust.bounded import Savage, Sigmoid, Unhinged
from lnl_core.methods.robust.cal import cal
from lnl_core.methods.robust.cores2 import CORES2
from lnl_core.methods.robust.elr import ELR
from lnl_core.methods.robust.elr_plus import ELRPlus
from lnl_core.methods.robust.l_dmi import l_dmi
from lnl_core.methods.robust.peer_loss import PeerLoss
from lnl_core.methods.selection.co_teaching import CoTeaching, CoTeachingPlus
from lnl_core.methods.selection.iterative_cv import iterative_cv
from lnl_core.methods.selection.jocor import JoCoR
from lnl_core.methods.selection.jpl import jpl
from lnl_core.methods.selection.mentornet import MentorNet
from lnl_core.methods.selection.sft import SFT
from lnl_core.methods.semi_supervised.dividemix import DivideMix
from lnl_core.methods.semi_supervised.m_correction import MCorrection
from lnl_core.methods.semi_supervised.mixup import MixUp
from lnl_core.methods.semi_supervised.nct import NCT
from lnl_core.methods.semi_supervised.unicon import UNICON
from lnl_core.methods.transition.correction import Backward, Forward
from lnl_core.methods.transition.estimated import backward_estimated, forward_estimated
from lnl_core.methods.transition.kmeidtm import KMEIDTM
from lnl_core.methods.transition.t_revision import t_revision
from lnl_core.methods.transition.trusted import clean_only, forward_fine_tuned

# fmt: off
register("cross-entropy", CrossEntropy, "trust the labels: the baseline", "patrini2017")
register("unhinged", Unhinged, "linear loss, after batch normalisation", "patrini2017",
    source="van Rooyen et al. 2015")
register("sigmoid", Sigmoid, "bounded loss, after batch normalisation", "patrini2017",
    source="Ghosh et al. 2015")
register("savage", Savage, "bounded loss of the softmax", "patrini2017",
    source="Masnadi-Shirazi and Vasconcelos 2009")
register("bootstrap-soft", BootstrapSoft, "mix labels with predictions", "patrini2017",
    source="Reed et al. 2015")
register("bootstrap-hard", BootstrapHard, "mix labels with predicted classes", "patrini2017",
    source="Reed et al. 2015")
register("backward", Backward, "pull losses back through the known T⁻¹", "patrini2017",
    source="Patrini et al. 2017", needs=("T",))
register("backward-estimated", backward_estimated, "the same, T estimated first", "patrini2017",
    source="Patrini et al. 2017")
register("forward", Forward, "push predictions through the known T", "patrini2017",
    source="Patrini et al. 2017", needs=("T",))
register("forward-estimated", forward_estimated, "the same, T estimated first", "patrini2017",
    source="Patrini et al. 2017")
register("clean-only", clean_only, "cross-entropy on the trusted samples alone", "patrini2017",
    source="Patrini et al. 2017", needs=("clean labels",))
register("forward-fine-tuned", forward_fine_tuned, "forward, then clean-only", "patrini2017",
    source="Patrini et al. 2017", needs=("T", "clean labels"))
register("joint", joint, "labels learned with the weights, then a new start", "tanaka2018",
    source="Tanaka et al. 2018", fixed={"soft": True, "top": None})
register("joint-hard", joint, "the same with hard labels", "tanaka2018",
    source="Tanaka et al. 2018", fixed={"soft": False})
register("cnn-crf", CNNCRF, "clean and noisy label in one undirected model", "tanaka2018",
    source="Vahdat 2017", needs=("T",))
register("nnaqc", NNAQC, "a nonlinear noise layer, and quasi-clustering", "jindal2019",
    source="Jindal et al. 2019", version=2)
register("nnaqc-dropout", NNAQCDropout, "the same with dropout on the layer", "jindal2019",
    source="Jindal et al. 2019", version=2)
register("nnaqc-clean-only", nnaqc_clean_only, "nnaqc on the trusted samples alone", "jindal2019",
    source="Jindal et al. 2019", needs=("clean labels",), version=2)
register("nnaqc-with-clean", nnaqc_with_clean, "nnaqc on noisy and trusted samples", "jindal2019",
    source="Jindal et al. 2019", needs=("clean labels",), version=2)
register("nnaqc-fine-tuned", nnaqc_fine_tuned, "nnaqc, then clean-only", "jindal2019",
    source="Jindal et al. 2019", needs=("clean labels",), version=2)
register("nna", NNA, "the nonlinear noise layer alone", "jindal2019",
    source="Jindal et al. 2019", version=2)
register("qc", QC, "quasi-clustering alone: mix labels with predictions", "jindal2019",
    source="Jindal et al. 2019")
register("genie", Forward, "forward correction by the known T", "jindal2019",
    source="Patrini et al. 2017", needs=("T",))
register("genie-qc", GenieQC, "the same, and quasi-clustering", "jindal2019",
    source="Jindal et al. 2019", needs=("T",))
register("trace", Trace, "a linear noise layer, its trace kept small", "jindal2019",
    source="Sukhbaatar et al. 2015")
register("dropout-layer", DropoutLayer, "a noise layer under dropout", "jindal2019",
    source="Jindal et al. 2016", version=2)
register("can", CAN, "infer the label's quality and the latent label", "yao2018",
    source="Yao et al. 2018")
register("icnm", ICNM, "what is there, and whether it is reported", "yao2018",
    source="Misra et al. 2016")
register("dividemix", DivideMix, "small losses keep their labels, others are guessed", "kim2024",
    source="Li et al. 2020")
register("unicon", UNICON, "the same, of each class alike, and contrastive", "kim2024",
    source="Karim et al. 2022")
register("flywheel", Flywheel, "clean labels found, wrong ones replaced, in turns", "kim2024",
    source="Kim et al. 2024", version=2)
register("flywheel-no-cr", Flywheel, "without the confidence regulariser", "kim2024",
    source="Kim et al. 2024", fixed={"regularisation": 0.0}, version=2)
register("flywheel-no-aux", MainEM, "the main network alone, samples reweighted", "kim2024",
    source="Kim et al. 2024", version=2)
register("flywheel-fixed-epsilon", Flywheel, "corruption uniform for good", "kim2024",
    source="Kim et al. 2024", fixed={"refine_epsilon": False}, version=2)
register("flywheel-no-cl", Flywheel, "without the contrastive term", "kim2024",
    source="Kim et al. 2024", fixed={"contrast": 0.0}, version=2)
register("mixup", MixUp, "means of two samples and of their labels", "kim2024",
    source="Zhang et al. 2018")
register("elr", ELR, "hold to what was predicted early", "kim2024",
    source="Liu et al. 2020")
register("elr-plus", ELRPlus, "the same for two nets, each by the other's average", "kim2024",
    source="Liu et al. 2020")
register("co-teaching", CoTeaching, "two nets choose small losses for each other", "kim2024",
    source="Han et al. 2018", needs=("noise rate",))
register("co-teaching-plus", CoTeachingPlus, "the same where the two disagree", "kim2024",
    source="Yu et al. 2019", needs=("noise rate",))
register("jocor", JoCoR, "two nets that are to agree, on small losses", "kim2024",
    source="Wei et al. 2020", needs=("noise rate",))
register("l-dmi", l_dmi, "the determinant of labels by predictions", "kim2024",
    source="Xu et al. 2019")
register("peer-loss", PeerLoss, "less the loss on labels of other samples", "kim2024",
    source="Liu and Guo 2020")
register("cores2", CORES2, "confidence rewarded, contradicted labels sieved", "kim2024",
    source="Cheng et al. 2021")
register("pencil", pencil, "label distributions learned by their own gradient", "kim2024",
    source="Yi and Wu 2019")
register("sft", SFT, "labels filtered on which predictions waver", "kim2024",
    source="Wei et al. 2022", version=2)
register("m-correction", MCorrection, "two betas of losses, labels give way by them", "kim2024",
    source="Arazo et al. 2019", version=2)
register("nct", NCT, "two nets that learn from each other, random labels", "kim2024",
    source="Sarfraz et al. 2021")
register("mentornet", MentorNet, "samples count by how large their loss is", "kim2024",
    source="Jiang et al. 2018", version=2)
register("cal", cal, "peer loss less the noise's covariance with it", "kim2024",
    source="Zhu et al. 2021")
register("t-revision", t_revision, "reweight by an estimated T, then revise it", "kim2024",
    source="Xia et al. 2019")
register("moit", moit, "two mixed views, labels that the neighbours support", "kim2024",
    source="Ortego et al. 2021")
register("sel-cl-plus", sel_cl_plus, "pairs of samples to trust, then their labels", "kim2024",
    source="Li et al. 2022")
register("iterative-cv", iterative_cv, "labels that a net trained on others predicts", "kim2024",
    source="Chen et al. 2019")
register("jpl", jpl, "what a sample is not, and is once that is clear", "kim2024",
    source="Kim et al. 2021")
register("ngc", NGC, "labels spread over a graph of neighbours", "kim2024",
    source="Wu et al. 2021")
register("kmeidtm", KMEIDTM, "a matrix a sample, alike for like samples", "kim2024",
    source="Cheng et al. 2022")
register("instancegm", InstanceGM, "dividemix, and how the noisy label came about", "kim2024",
    source="Garg et al. 2023", version=2)
# fmt: on

__all__ = [
    "Backward", "BootstrapHard", "BootstrapSoft", "CrossEntropy", "Entry", "Forward", "Method",
    "Savage", "Sigmoid", "Unhinged", "check_options", "get_method", "method_names", "register",
]  # fmt: skip
