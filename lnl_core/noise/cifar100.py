"""CIFAR-100's twenty superclasses of five, and the noise maps made of them.

The names are those of https://www.cs.toronto.edu/~kriz/cifar.html, spelled as in the files that
torchvision reads. A class's id is its place among all hundred in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: Superclass → its classes. Patrini et al. 2017 (Section 5.1) name the first one and its five.
SUPERCLASSES: dict[str, tuple[str, ...]] = {
    name: tuple(classes.split())
    for name, classes in {
        "aquatic_mammals": "beaver dolphin otter seal whale",
        "fish": "aquarium_fish flatfish ray shark trout",
        "flowers": "orchid poppy rose sunflower tulip",
        "food_containers": "bottle bowl can cup plate",
        "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
        "household_electrical_devices": "clock keyboard lamp telephone television",
        "household_furniture": "bed chair couch table wardrobe",
        "insects": "bee beetle butterfly caterpillar cockroach",
        "large_carnivores": "bear leopard lion tiger wolf",
        "large_man-made_outdoor_things": "bridge castle house road skyscraper",
        "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
        "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
        "medium_mammals": "fox porcupine possum raccoon skunk",
        "non-insect_invertebrates": "crab lobster snail spider worm",
        "people": "baby boy girl man woman",
        "reptiles": "crocodile dinosaur lizard snake turtle",
        "small_mammals": "hamster mouse rabbit shrew squirrel",
        "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
        "vehicles_1": "bicycle bus motorcycle pickup_truck train",
        "vehicles_2": "lawn_mower rocket streetcar tank tractor",
    }.items()
}

CLASSES: tuple[str, ...] = tuple(sorted(name for five in SUPERCLASSES.values() for name in five))


def _next_in(groups: Iterable[Sequence[int]]) -> dict[int, int]:
    """Each class to the next of its group, and the last one to the first."""
    return {
        clean: group[(place + 1) % len(group)]
        for group in groups
        for place, clean in enumerate(group)
    }


#: Within superclasses each class into the next, circularly: Patrini et al. 2017, Section 5.1.
NEXT_IN_SUPERCLASS: dict[int, int] = _next_in(
    [CLASSES.index(name) for name in five] for five in SUPERCLASSES.values()
)
#: What Patrini et al.'s code does instead: it takes five consecutive ids for a superclass, so
#: that of apple, aquarium_fish, baby, bear and beaver each is mistaken for the next.
NEXT_OF_FIVE_IDS: dict[int, int] = _next_in(range(k, k + 5) for k in range(0, 100, 5))
