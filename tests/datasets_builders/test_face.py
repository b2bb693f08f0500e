"""The renderer: each AU shows at its own place, with its intensity, on its side, and beside other AUs."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builders.synthetic.activation import Activation
from datasets_builders.synthetic.face import RENDERED, identity, landmarks, render
from datasets_builders.synthetic.identity import HAIR_STYLES, Identity
from datasets_builders.synthetic.population import expression
from datasets_builders.synthetic.sheet import sheet
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import InputError
from facial_r1.facs import BY_NUMBER, EXCLUSIVE

SIZE = 192
PEOPLE = [identity(11, index) for index in range(3)]
HEAD = range(51, 59)

# Where an AU may change the face: left, top, right, bottom, from between the eyes, in distances eye line to chin.
BOXES = {
    (1, 2, 4): (-0.62, -0.75, 0.62, -0.10),
    (5, 7, 41, 42, 43, 44, 45, 46, 61, 62, 63, 64, 65, 66): (-0.62, -0.36, 0.62, 0.12),
    (6,): (-0.78, -0.30, 0.78, 0.30),
    (9,): (-0.40, -0.45, 0.40, 0.65),
    (38, 39): (-0.32, 0.00, 0.32, 0.50),
    (10, 11): (-0.50, 0.05, 0.50, 0.75),
    (12, 13, 20): (-0.80, 0.00, 0.80, 1.00),
    (14, 15, 16): (-0.50, 0.30, 0.50, 0.90),
    (17,): (-0.40, 0.40, 0.40, 1.10),
    (8, 18, 19, 22, 23, 24, 25, 28, 32, 37): (-0.60, 0.30, 0.60, 1.08),
    (26, 27, 29, 30): (-0.95, 0.10, 0.95, 1.50),
    (31, 33, 34, 35, 36): (-0.95, -0.05, 0.95, 1.15),
    (21,): (-0.65, 0.85, 0.65, 1.60),
}
BOX = {au: box for aus, box in BOXES.items() for au in aus}


def change(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference of two pictures in grey levels, per pixel."""
    return np.abs(first.astype(float) - second.astype(float)).mean(axis=2)


def region(who: Identity, au: int) -> np.ndarray:
    """The pixels of ``BOX[au]`` on the resting face, found by its landmarks."""
    points = landmarks(who, {}, SIZE)
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    along = (right - left) / np.hypot(*(right - left))
    unit = np.hypot(*(right - left)) / 0.61 / who.eye_spacing
    y, x = np.mgrid[:SIZE, :SIZE] - ((left + right) / 2)[::-1, None, None]
    across, down = (x * along[0] + y * along[1]) / unit, (y * along[0] - x * along[1]) / unit - 0.10
    box = BOX[au]
    return (across > box[0]) & (across < box[2]) & (down > box[1]) & (down < box[3])


@pytest.fixture(scope="module")
def resting() -> list[np.ndarray]:
    return [render(who, {}, SIZE) for who in PEOPLE]


def test_whole_registry_is_rendered() -> None:
    assert set(RENDERED) == set(BY_NUMBER) == set(BOX) | set(HEAD)


@pytest.mark.parametrize("au", sorted(BOX))
def test_au_shows_at_its_place(au: int, resting: list[np.ndarray]) -> None:
    for who, rest in zip(PEOPLE, resting, strict=True):
        moved = change(render(who, {au: 5}, SIZE), rest)
        here = region(who, au)
        assert (moved[here] > 12).sum() >= 60, "hardly visible"
        assert moved[here].sum() > 0.9 * moved.sum(), "changes the face elsewhere"


@pytest.mark.parametrize("au", sorted(BOX))
def test_au_grows_with_intensity(au: int, resting: list[np.ndarray]) -> None:
    for who, rest in zip(PEOPLE, resting, strict=True):
        amounts = [change(render(who, {au: level}, SIZE), rest).sum() for level in range(6)]
        assert amounts[0] == 0
        assert all(less < more for less, more in itertools.pairwise(amounts)), amounts
        assert amounts[1] > 0.15 * amounts[5], "a trace must be visible"


TOGETHER = [
    (1, 2, 4, 9),
    (4, 5, 6, 7, 9),
    (6, 7, 43),
    (9, 10, 11, 12, 13),
    (10, 12, 13, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28),
]
PAIRS = sorted(
    {
        (first, second)
        for group in TOGETHER
        for first, second in itertools.permutations(group, 2)
        if frozenset((first, second)) not in EXCLUSIVE
    }
)


@pytest.mark.parametrize("first", sorted({first for first, _ in PAIRS}))
def test_second_au_stays_readable_beside_the_first(first: int, resting: list[np.ndarray]) -> None:
    """Never cancelled: added to another AU of its region, an AU changes the face by a good part of what it does alone.

    The lowest are the lips' own: what tightens, presses or puckers them shows less when they are sucked in (28).
    """
    for who, rest in zip(PEOPLE[:2], resting, strict=False):
        one = render(who, {first: 5}, SIZE)
        for second in (b for a, b in PAIRS if a == first):
            here = region(who, second)
            beside = change(render(who, {first: 5, second: 5}, SIZE), one)[here].sum()
            alone = change(render(who, {second: 5}, SIZE), rest)[here].sum()
            assert beside > 0.3 * alone, f"AU{second} is lost beside AU{first}"


def test_smile_and_its_antagonist_leave_a_mouth_unlike_rest(resting: list[np.ndarray]) -> None:
    """AU12 pulls up and AU15 down: the corners may end where they were, the folds must tell."""
    for who, rest in zip(PEOPLE, resting, strict=True):
        both = change(render(who, {12: 4, 15: 4}, SIZE), rest)[region(who, 12)].sum()
        smile = change(render(who, {12: 4}, SIZE), rest)[region(who, 12)].sum()
        assert both > 0.5 * smile


def test_unilateral_au_leaves_the_other_side_alone(resting: list[np.ndarray]) -> None:
    for au in (1, 2, 4, 6, 7, 10, 12, 14, 15, 20, 46):
        left = change(render(PEOPLE[0], {au: 5}, SIZE, sides={au: "L"}), resting[0]).sum(axis=0)
        right = change(render(PEOPLE[0], {au: 5}, SIZE, sides={au: "R"}), resting[0]).sum(axis=0)
        middle = round(float(landmarks(PEOPLE[0], {}, SIZE)[27, 0]))
        assert left[middle:].sum() > 2 * left[:middle].sum(), "the person's left is the picture's right"
        assert right[:middle].sum() > 2 * right[middle:].sum()


def test_top_and_bottom_lip_act_alone() -> None:
    for au in (23, 24, 28):
        face = {part: landmarks(PEOPLE[0], {au: 5}, 224, sides={au: part}) for part in "TB"}
        rest = landmarks(PEOPLE[0], {}, 224)
        upper, lower = (51, 62), (57, 66)

        def height(points: np.ndarray, lip: tuple[int, int]) -> float:
            return float(abs(points[lip[0], 1] - points[lip[1], 1]))

        assert height(face["T"], upper) < 0.7 * height(rest, upper)
        assert height(face["T"], lower) == pytest.approx(height(rest, lower), abs=0.5)
        assert height(face["B"], lower) < 0.7 * height(rest, lower)


def test_wink_and_unilateral_without_a_side_show_on_the_left() -> None:
    who = PEOPLE[1]
    assert np.array_equal(render(who, {46: 5}, 96), render(who, {46: 5}, 96, sides={46: "L"}))
    assert np.array_equal(render(who, {14: 5}, 96, sides={14: "U"}), render(who, {14: 5}, 96, sides={14: "L"}))


def test_top_right_combines_both_letters() -> None:
    act = Activation({18: 5}, {18: "RT"})
    assert (act.on(18, 1), act.on(18, -1), act.lip(18, "T"), act.lip(18, "B")) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    ("au", "point", "axis", "sign"),
    [
        (1, 21, 1, -1),  # inner brow up
        (2, 18, 1, -1),  # outer brow up
        (4, 21, 1, 1),  # brow down
        (4, 21, 0, 1),  # and inwards
        (5, 37, 1, -1),  # upper lid up
        (7, 40, 1, -1),  # lower lid up
        (9, 31, 1, -1),  # wing up
        (10, 50, 1, -1),  # upper lip up
        (12, 48, 1, -1),  # corner up
        (12, 48, 0, -1),  # and outwards
        (13, 48, 1, -1),
        (15, 48, 1, 1),  # corner down
        (16, 57, 1, 1),  # lower lip down
        (17, 57, 1, -1),  # lower lip up
        (18, 48, 0, 1),  # corner inwards
        (20, 48, 0, -1),  # corner outwards
        (26, 8, 1, 1),  # chin down
        (27, 8, 1, 1),
        (38, 31, 0, -1),  # wing outwards
        (39, 31, 0, 1),
        (43, 37, 1, 1),  # upper lid down
        (51, 30, 0, 1),  # nose to the person's left
        (52, 30, 0, -1),
        (53, 30, 1, -1),  # nose up
        (54, 30, 1, 1),
    ],
)
def test_landmark_moves_as_facs_says(au: int, point: int, axis: int, sign: int) -> None:
    for who in PEOPLE:
        path = [landmarks(who, {au: level}, 224)[point, axis] * sign for level in range(6)]
        assert all(a < b for a, b in itertools.pairwise(path)), path
        assert path[-1] - path[0] > 1.0, "pixels"


def test_head_is_tilted_and_comes_closer() -> None:
    def eyes(acts: dict[int, float]) -> np.ndarray:
        points = landmarks(PEOPLE[0], acts, 224)
        return points[42:48].mean(axis=0) - points[36:42].mean(axis=0)

    assert eyes({55: 5})[1] > eyes({})[1] + 10 > eyes({56: 5})[1] + 20, "left ear to left shoulder: picture's right"
    assert np.hypot(*eyes({57: 5})) > np.hypot(*eyes({})) > np.hypot(*eyes({58: 5}))


def test_landmarks_lie_on_what_is_drawn() -> None:
    """Eye landmarks enclose eye white and iris; lips are redder between their landmarks than the skin beside them."""
    for index in range(12):
        who = identity(2, index)
        picture = render(who, {5: 4}, 224).astype(float)
        points = landmarks(who, {5: 4}, 224)
        for eye in (points[36:42], points[42:48]):
            (x0, y0), (x1, y1) = eye.min(axis=0).round().astype(int), eye.max(axis=0).round().astype(int)
            inside = picture[y0 : y1 + 1, x0 : x1 + 1].mean(axis=2)
            assert inside.max() - inside.min() > 60, "white and pupil"
        x, y = ((points[57] + points[66]) / 2).round().astype(int)
        cheek = picture[round(points[30, 1]), round((points[3, 0] + points[31, 0]) / 2)]
        lip = picture[y, x]
        assert lip[0] / lip[1] > cheek[0] / cheek[1]


def test_66_points_are_the_68_without_inner_lip_corners() -> None:
    whole = landmarks(PEOPLE[0], {12: 3}, 224)
    assert whole.shape == (68, 2)
    few = landmarks(PEOPLE[0], {12: 3}, 224, count=66)
    assert np.array_equal(few, np.concatenate([whole[:60], whole[61:64], whole[65:]]))
    assert np.allclose(whole[60], whole[48], atol=1)
    assert np.allclose(whole[64], whole[54], atol=1)


@pytest.mark.parametrize("size", [48, 100, 112, 224, (320, 240), (64, 96)])
def test_sizes_and_grey(size: int | tuple[int, int]) -> None:
    width, height = (size, size) if isinstance(size, int) else size
    colour = render(PEOPLE[0], {12: 5}, size)
    grey = render(PEOPLE[0], {12: 5}, size, grey=True)
    assert (colour.shape, colour.dtype) == ((height, width, 3), np.uint8)
    assert (grey.shape, grey.dtype) == ((height, width), np.uint8)
    luma = colour.astype(float) @ (0.299, 0.587, 0.114)
    assert np.abs(luma - grey).max() < 3
    points = landmarks(PEOPLE[0], {12: 5}, size)
    assert (points >= 0).all()
    assert (points < (width, height)).all()


def test_landmarks_scale_with_the_picture() -> None:
    small, large = (landmarks(PEOPLE[2], {4: 3}, size, seed=5) for size in (112, 448))
    assert np.allclose(small * 4, large, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    who=st.integers(0, 10_000),
    acts=st.dictionaries(st.sampled_from(RENDERED), st.floats(0, 5), max_size=12),
    sides=st.dictionaries(st.sampled_from(RENDERED), st.sampled_from(["L", "R", "U", "T", "B", "RB"]), max_size=3),
    yaw=st.floats(-30, 30),
)
def test_any_combination_draws(who: int, acts: dict[int, float], sides: dict[int, str], yaw: float) -> None:
    first = render(identity(0, who), acts, 32, sides=sides, yaw=yaw)
    assert first.std() > 5
    assert np.array_equal(first, render(identity(0, who), acts, 32, sides=sides, yaw=yaw))
    assert np.isfinite(landmarks(identity(0, who), acts, 32, sides=sides, yaw=yaw)).all()


def test_same_person_same_pixels_in_another_process() -> None:
    script = (
        "import hashlib; from datasets_builders.synthetic.face import *; "
        "print(hashlib.sha256(render(identity(5, 6), {12: 4, 6: 3}, 96, seed=7).tobytes()).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert len(runs) == 1


def test_other_people_and_other_photographs_differ() -> None:
    pictures = [render(identity(3, index), {}, 48, grey=True) for index in range(120)]
    assert len({picture.tobytes() for picture in pictures}) == 120
    apart = [np.abs(a.astype(int) - b).mean() for a, b in itertools.combinations(pictures, 2)]
    assert np.percentile(apart, 1) > 8, "grey levels"
    assert not np.array_equal(render(identity(3, 0), {}, 48), render(identity(4, 0), {}, 48))
    again = render(identity(3, 0), {}, 48, grey=True, seed=1)
    assert 0 < np.abs(again.astype(int) - pictures[0]).mean() < 25, "the same person, photographed anew"


def test_a_population_is_varied() -> None:
    people = [identity(1, index) for index in range(300)]
    assert {who.hair_style for who in people} == set(HAIR_STYLES)
    tones = [sum(who.skin) / 3 for who in people]
    assert min(tones) < 85
    assert max(tones) > 190
    assert 0.05 < np.mean([who.glasses for who in people]) < 0.2
    assert len(set(people)) == 300


def test_au_signs_survive_dark_and_fair_skin() -> None:
    """No skin may hide what another one shows: the weakest change is at least a third of the middle one."""
    people = [identity(8, index) for index in range(16)]
    for au in (1, 4, 6, 9, 12, 15, 17, 23, 25):
        seen = [change(render(who, {au: 4}, 96), render(who, {}, 96)).sum() for who in people]
        assert min(seen) > np.median(seen) / 3, au


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (({99: 3.0}, 96), {}, "unknown Action Unit. Found: 99"),
        (({12: 5.5}, 96), {}, "intensity of AU12 out of range. Found: 5.5"),
        (({12: -1.0}, 96), {}, "intensity of AU12 out of range. Found: -1.0"),
        (({12: float("nan")}, 96), {}, "intensity of AU12 out of range. Found: nan"),
        (({12: 3.0}, 96), {"sides": {12: "X"}}, "unknown side of AU12. Found: X"),
        (({12: 3.0}, 96), {"sides": {12: ""}}, "unknown side of AU12"),
        (({}, 8), {}, "too small for a face. Found: 8×8"),
        (({}, (200, 4)), {}, "too small for a face. Found: 200×4"),
        (({}, 96), {"yaw": 45.0}, "30 degrees at most. Found: 45.0"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple, options: dict, message: str) -> None:
    for call in (render, landmarks):
        with pytest.raises(InputError, match=message):
            call(PEOPLE[0], *arguments, **options)


def test_bad_scheme_and_bad_person_are_named() -> None:
    with pytest.raises(InputError, match=r"landmark scheme\. Found: 49"):
        landmarks(PEOPLE[0], {}, 96, count=49)
    with pytest.raises(InputError, match=r"must not be negative\. Found: \(0, -1\)"):
        identity(0, -1)


def test_sheet_lays_pictures_out_in_rows() -> None:
    red, blue = np.full((2, 3, 3), (255, 0, 0), np.uint8), np.full((2, 3, 3), (0, 0, 255), np.uint8)
    page = sheet([red, blue, blue], columns=2, gap=1)
    assert page.shape == (5, 7, 3)
    assert (page[:2, :3] == red).all()
    assert (page[:2, 4:] == blue).all()
    assert (page[3:, :3] == blue).all()
    assert (page[2] == 255).all()
    assert (page[3:, 4:] == 255).all()


@pytest.mark.parametrize(("images", "columns"), [([], 2), ([np.zeros((2, 2))], 0), ([np.zeros(2), np.zeros(3)], 1)])
def test_sheet_refuses_what_it_cannot_lay_out(images: list[np.ndarray], columns: int) -> None:
    with pytest.raises(InputError, match="pictures of one size"):
        sheet(images, columns)  # type: ignore[arg-type]


def pictures_and_aus(start: int, count: int) -> tuple[np.ndarray, list[frozenset[str]]]:
    rng = np.random.default_rng(start)
    pixels, aus = [], []
    for at in range(count):
        shown = expression(rng, emotion=EMOTIONS_7[at % 7])
        picture = render(identity(1, start + at), shown.intensities, 48, sides=shown.sides, seed=at, grey=True)
        pixels.append(picture.ravel() / 255)
        aus.append(frozenset(shown.aus()))
    return np.array(pixels), aus


@pytest.mark.slow
def test_linear_probe_reads_aus_of_strangers() -> None:
    """Logistic regression on 48×48 grey pixels, people never seen in training: F1 0.83 on average where measured."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    metrics = pytest.importorskip("sklearn.metrics")
    train, train_aus = pictures_and_aus(0, 2000)
    test, test_aus = pictures_and_aus(100_000, 500)
    mean, spread = train.mean(axis=0), train.std(axis=0)
    scores, trivial = {}, {}
    for au in ("AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"):
        probe = linear_model.LogisticRegression(C=0.02, max_iter=200)
        probe.fit((train - mean) / spread, [au in row for row in train_aus])
        truth = [au in row for row in test_aus]
        scores[au] = metrics.f1_score(truth, probe.predict((test - mean) / spread))
        trivial[au] = metrics.f1_score(truth, [True] * len(truth))
    assert np.mean(list(scores.values())) > 0.75, scores
    assert all(scores[au] > trivial[au] + 0.15 for au in scores), scores
