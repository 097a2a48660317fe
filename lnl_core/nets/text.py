"""Patrini et al.'s two text models: token ids in, two halves as every net has."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.errors import InputError
from lnl_core.nets.base import Net, are_positive_integers
from lnl_core.nets.init import initialise, patrini_init

#: Reviews that the LSTM reads at a time in evaluation, where a batch may be too big to unroll.
READ_AT_A_TIME = 256


class WordEmbedding(Net):
    """Each word's embedding, dropout, ReLU, all positions side by side, a linear layer.

    Patrini et al. 2017, section 5.1, the first model on IMDB: 50 dimensions, dropout 0.8. The net
    knows the place of every word in the sequence: 400 words of 50 dimensions are 20,000 features.

    Parameters
    ----------
    input_shape : (L,), the length of a sequence.
    num_classes : K, at least 2.
    vocabulary : how many token ids there are, from 0 up.
    dimensions : width of the embedding.
    dropout : probability in [0, 1) of dropping a value of the embedding. Here 0 unless asked for.
    spatial : drop whole dimensions, the same at every position of a sequence, as the authors' code
        does (Keras' SpatialDropout1D), and not each value on its own, as the text reads.
    init : "text", U[-0.05, 0.05] for the output layer; or "keras", the authors' code, Keras 2.0's
        he_normal. The embedding is U[-0.05, 0.05] in both: Keras' default, and the text's rule
        for whatever is no layer of weighted sums before a ReLU.

    Raises `InputError` for values outside these ranges and inputs that are no sequences.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        vocabulary: int,
        *,
        dimensions: int = 50,
        dropout: float = 0.0,
        spatial: bool = True,
        init: str = "text",
    ) -> None:
        super().__init__()
        length = _length("word-embedding", input_shape)
        body, output = patrini_init(init)
        self.embedding = _embedding(vocabulary, _width("dimensions", dimensions))
        self.dropout = _Dropout(dropout, spatial)
        self.head = nn.Linear(length * dimensions, num_classes)
        initialise(self, body=body, output=output)

    def features(self, x: Tensor) -> Tensor:
        """Token ids [B, L], int64 → features [B, L · dimensions]."""
        return F.relu(self.dropout(self.embedding(x))).flatten(1)


class LSTM(Net):
    """Embedding, an LSTM, a dense layer of its last state, dropout, ReLU, a linear layer.

    Patrini et al. 2017, section 5.1, the second model on IMDB. Text and code differ: the text has
    an embedding of 256 and no dropout on it, the code one of 512 with dropout 0.8, whole
    dimensions at a time; both have 512 units, a dense layer of 512 and dropout 0.5 there.

    The gates have torch's exact sigmoid, where Keras 2.0 had a piecewise linear one. As in Keras
    there is one bias a gate (torch's second one stays zero and is not trained), the forget gate's
    starts at 1, and the state is carried by an orthogonal matrix at the start.

    Parameters
    ----------
    input_shape : (L,), the length of a sequence.
    num_classes : K, at least 2.
    vocabulary : how many token ids there are, from 0 up.
    dimensions, units, hidden : widths of the embedding, the LSTM's state and the dense layer.
    embedding_dropout : probability in [0, 1) of dropping a dimension of the embedding, at every
        position of a sequence at once.
    dropout : probability in [0, 1) of dropping a unit of the dense layer.
    init : "text", He normal for the dense layer and U[-0.05, 0.05] for the output layer; or
        "keras", Keras 2.0's he_normal for both. Embedding and LSTM inputs are U[-0.05, 0.05].

    Raises `InputError` for values outside these ranges and inputs that are no sequences.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        vocabulary: int,
        *,
        dimensions: int = 256,
        units: int = 512,
        hidden: int = 512,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        init: str = "text",
    ) -> None:
        super().__init__()
        _length("lstm", input_shape)
        body, output = patrini_init(init)
        self.embedding = _embedding(vocabulary, _width("dimensions", dimensions))
        self.embedding_dropout = _Dropout(embedding_dropout, spatial=True)
        self.lstm = nn.LSTM(dimensions, _width("units", units), batch_first=True)
        _start_as_keras(self.lstm)
        self.dense = nn.Linear(units, _width("hidden", hidden))
        self.dropout = _Dropout(dropout, spatial=False)
        self.head = nn.Linear(hidden, num_classes)
        initialise(self, body=body, output=output)

    def features(self, x: Tensor) -> Tensor:
        """Token ids [B, L], int64 → features [B, hidden]."""
        parts = (x,) if self.training else x.split(READ_AT_A_TIME)
        last = torch.cat([self._read(part) for part in parts])
        return F.relu(self.dropout(self.dense(last)))

    def _read(self, x: Tensor) -> Tensor:
        """The state after the last word [B, units]."""
        states, _ = self.lstm(self.embedding_dropout(self.embedding(x)))
        return states[:, -1]


class _Dropout(nn.Module):
    """Inverted dropout; `spatial` draws once a sequence and dimension of [B, L, D]."""

    def __init__(self, p: float, spatial: bool) -> None:
        super().__init__()
        if isinstance(p, bool) or not (isinstance(p, Real) and 0 <= p < 1):
            raise InputError(f"dropout = {p!r} must be a number in [0, 1): 0 turns it off.")
        if not isinstance(spatial, bool):
            raise InputError(f"spatial = {spatial!r} must be True or False.")
        self.p, self.spatial = p, spatial

    def forward(self, x: Tensor) -> Tensor:
        if not self.spatial:
            return F.dropout(x, self.p, self.training)
        # The mask is drawn, and multiplied with, only where it does something.
        if not self.training or self.p == 0:
            return x
        return x * F.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.p)


def _embedding(vocabulary: int, dimensions: int) -> nn.Embedding:
    embedding = nn.Embedding(vocabulary, dimensions)
    nn.init.uniform_(embedding.weight, -0.05, 0.05)
    return embedding


def _start_as_keras(lstm: nn.LSTM) -> None:
    nn.init.uniform_(lstm.weight_ih_l0, -0.05, 0.05)
    nn.init.orthogonal_(lstm.weight_hh_l0)
    nn.init.zeros_(lstm.bias_ih_l0)
    nn.init.ones_(lstm.bias_ih_l0.data[lstm.hidden_size : 2 * lstm.hidden_size])  # forget gate
    nn.init.zeros_(lstm.bias_hh_l0)
    lstm.bias_hh_l0.requires_grad_(False)


def _length(name: str, input_shape: tuple[int, ...]) -> int:
    if len(input_shape) != 1:
        raise InputError(
            f"net {name!r} needs sequences of token ids (L,), and input_shape is {input_shape}."
        )
    return input_shape[0]


def _width(name: str, width: object) -> int:
    if isinstance(width, bool) or not are_positive_integers((width,)):
        raise InputError(f"{name} = {width!r} must be a positive integer.")
    return width
