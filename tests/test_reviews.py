"""The generated reviews: reproducible, balanced, and neither hopeless nor a matter of one word."""

from __future__ import annotations

import pytest
import torch
from training_helpers import finish

from lnl_core import Run, configure
from lnl_core.data import reviews as module
from lnl_core.data.reviews import CLASSES, VOCABULARY, WORDS, make_reviews, read
from lnl_core.data.text import FIRST_WORD, PAD


@pytest.fixture(scope="module")
def reviews():
    return make_reviews()


def test_sizes_and_types(reviews):
    assert reviews.x_train.shape == (1500, 40)
    assert reviews.x_test.shape == (500, 40)
    assert reviews.kind == "tokens"
    assert reviews.classes == CLASSES == ("negative", "positive")
    assert reviews.vocabulary == FIRST_WORD + len(VOCABULARY)
    assert len(set(VOCABULARY)) == len(VOCABULARY) and "{}" not in VOCABULARY
    assert "seed=0" in reviews.source


def test_classes_are_balanced_and_mixed(reviews):
    assert torch.bincount(reviews.y_train).tolist() == [750, 750]
    assert torch.bincount(reviews.y_test).tolist() == [250, 250]
    assert 30 < reviews.y_train[:100].sum() < 70


def test_same_seed_same_words_another_seed_others():
    first, again, other = (make_reviews(30, 10, seed) for seed in (4, 4, 5))
    assert first.fingerprint == again.fingerprint
    assert not torch.equal(first.x_train, other.x_train)
    assert not torch.equal(first.x_train[:10], first.x_test)


def test_no_review_is_twice_there(reviews):
    rows = torch.cat([reviews.x_train, reviews.x_test]).tolist()
    assert len(set(map(tuple, rows))) == 2000


def test_every_word_occurs_and_padding_comes_first(reviews):
    x = reviews.x_train
    assert set(x.unique().tolist()) == {PAD, *range(FIRST_WORD, reviews.vocabulary)}
    assert not ((x[:, 1:] == PAD) & (x[:, :-1] != PAD)).any()
    assert (x[:, -1] != PAD).all()


def test_ids_read_as_words(reviews):
    text = read(reviews.x_train[0])
    assert len(text.split()) == (reviews.x_train[0] != PAD).sum()
    assert set(text.split()) <= set(VOCABULARY)


def opinions(text: str) -> int:
    """Positive less negative opinions of a review, by the words and what denies them."""
    words, total = text.split(), 0
    for place, word in enumerate(words):
        for side, sign in ((0, -1), (1, 1)):
            if word in WORDS[side]:
                denied = {"not", "never"} & set(words[max(0, place - 1) : place])
                total += -sign if denied else sign
    return total


def test_majority_of_opinions_decides_the_class(reviews):
    """All but those whose first opinions were cut off, or whose "not" was."""
    votes = torch.tensor([opinions(read(x)) for x in reviews.x_train])
    assert ((votes > 0) == (reviews.y_train == 1)).double().mean() > 0.97


def test_words_that_say_no_opinion_are_the_same_in_both_classes(reviews):
    counts = torch.stack(
        [torch.bincount(reviews.x_train[reviews.y_train == k].flatten()) for k in (0, 1)]
    ).double()
    said = {*WORDS[0], *WORDS[1]}
    for place, word in enumerate(VOCABULARY):
        negative, positive = counts[:, FIRST_WORD + place]
        difference = abs(negative - positive) / (negative + positive).sqrt()
        if word not in said:
            assert difference < 4.5, word  # standard deviations; 80 words
        else:
            assert difference > 4.5, word


def test_order_of_words_matters(reviews):
    """Without "not" and "never" a good part of the reviews would be misread."""
    blind = [opinions(read(x).replace("not ", "").replace("never ", "")) for x in reviews.x_train]
    votes = torch.tensor(blind)
    assert 0.8 < ((votes > 0) == (reviews.y_train == 1)).double().mean() < 0.93


def test_word_embedding_learns_them_and_forward_correction_helps(reviews):
    def accuracy(method: str, noise: str) -> float:
        config = configure(method, "reviews", noise, epochs=12)
        return finish(Run(config, device="cpu", dataset=reviews)).history[-1].test_accuracy

    assert accuracy("cross-entropy", "none") > 0.87
    plain, forward = (accuracy(m, "asymmetric:0.4") for m in ("cross-entropy", "forward"))
    assert forward > plain + 0.1


def test_a_clause_of_every_kind_is_made_of_known_words():
    texts = [*module.PLAIN, *module.DENIED, *module.JOINTS, *(text for text, _ in module.FILLER)]
    assert {w for text in texts for w in text.split()} - {"{}"} <= set(VOCABULARY)
