"""What the face is made of: curves, camera and canvas; anatomy that holds for any AUs; skin signs one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builders.synthetic.activation import RENDERED, SIDES, Activation
from datasets_builders.synthetic.draw import Camera, Canvas, between, curve, ellipse, mirrored, mix
from datasets_builders.synthetic.folds import bulges, folds
from datasets_builders.synthetic.geometry import Geometry, geometry
from datasets_builders.synthetic.identity import Identity, identity

ACTS = st.dictionaries(st.sampled_from(RENDERED), st.floats(0, 5), max_size=10)
PERSON = st.builds(identity, st.just(21), st.integers(0, 5000))


def shown(who: Identity, acts: dict[int, float], sides: dict[int, str] | None = None) -> tuple[Activation, Geometry]:
    act = Activation(acts, sides)
    return act, geometry(who, act)


# --- drawing


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=3, max_size=9))
def test_a_curve_passes_through_its_points(points: list[tuple[float, float]]) -> None:
    assert np.allclose(curve(points, steps=4)[::4], points)
    assert np.allclose(curve(points, closed=True, steps=4)[::4], points)


def test_a_curve_through_points_on_a_line_is_that_line() -> None:
    line = curve([(0, 0), (1, 2), (2, 4), (3, 6)])
    assert np.allclose(line[:, 1], 2 * line[:, 0])


def test_mirrored_completes_the_left_and_keeps_the_middle_once() -> None:
    assert mirrored([(0.0, 1.0), (2.0, 3.0)]) == [(-2.0, 3.0), (0.0, 1.0), (2.0, 3.0)]
    assert mirrored([(1.0, 1.0)]) == [(-1.0, 1.0), (1.0, 1.0)]


def test_between_runs_there_and_back() -> None:
    first, second = np.array([(0.0, 0.0), (1.0, 0.0)]), np.array([(0.0, 1.0), (1.0, 1.0)])
    assert between(first, second).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]


def test_mix_and_ellipse() -> None:
    assert mix((0, 100, 200), (100, 0, 200), 0.25) == (25, 75, 200)
    points = ellipse(1.0, 2.0, 0.5, 0.1)
    assert np.allclose((((points - (1, 2)) / (0.5, 0.1)) ** 2).sum(axis=1), 1)


NOSE, CHEEK, SHOULDER = np.array([[0.0, 0.2]]), np.array([[0.85, 0.0]]), np.array([[0.8, 1.4]])


def test_the_camera_scales_and_shifts() -> None:
    assert Camera(100, (50, 60)).pixels(np.array([[0.5, -0.25]])).tolist() == [[100.0, 35.0]]


def test_turning_moves_the_nose_more_than_the_outline_and_leaves_the_shoulders() -> None:
    straight, turned, nodded = Camera(100, (0, 0)), Camera(100, (0, 0), yaw=0.3), Camera(100, (0, 0), pitch=0.2)
    assert turned.pixels(NOSE)[0, 0] > 10
    assert turned.pixels(CHEEK)[0, 0] <= straight.pixels(CHEEK)[0, 0]
    assert nodded.pixels(NOSE)[0, 1] < straight.pixels(NOSE)[0, 1] - 5
    assert np.allclose(turned.pixels(SHOULDER), straight.pixels(SHOULDER), atol=5)


def test_positive_roll_is_clockwise() -> None:
    assert Camera(100, (0, 0), roll=0.1).pixels(CHEEK)[0, 1] > 5


def test_the_canvas_paints_in_order_and_only_when_told() -> None:
    canvas = Canvas(np.zeros((40, 40), np.uint8), Camera(20, (20, 20)))
    square = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    canvas.fill(square, (100,))
    canvas.fill(square / 2, (200,))
    assert not canvas.image.any()
    canvas.paint()
    assert (canvas.image[20, 20], canvas.image[20, 28], canvas.image[20, 38]) == (200, 100, 0)
    before = canvas.image.copy()
    canvas.paint()
    assert np.array_equal(canvas.image, before), "the queue is empty again"


def test_a_tenth_of_a_pixel_is_seen() -> None:
    def line(y: float) -> np.ndarray:
        canvas = Canvas(np.zeros((40, 40), np.uint8), Camera(20, (20, 20)))
        canvas.stroke(np.array([(-0.5, y), (0.5, y)]), (255,), 0.01)
        canvas.paint()
        return canvas.image

    assert not np.array_equal(line(0.0), line(0.005))


# --- anatomy


@settings(max_examples=150, deadline=None)
@given(PERSON, ACTS)
def test_lips_and_lids_never_cross(who: Identity, acts: dict[int, float]) -> None:
    _, face = shown(who, acts)
    lips = face.mouth
    heights = [lines[:, 1] for lines in (lips.top, lips.inner_top, lips.inner_bottom, lips.bottom)]
    for above, below in itertools.pairwise(heights):
        assert (below - above > -1e-9).all()
    assert lips.gap > -1e-9
    for eye in face.eyes:
        assert (eye.lower[:, 1] - eye.upper[:, 1] > -1e-9).all()
        assert (eye.crease[1:-1, 1] < eye.upper[1:-1, 1]).all()


@settings(max_examples=100, deadline=None)
@given(PERSON, ACTS)
def test_features_keep_their_order_down_the_face(who: Identity, acts: dict[int, float]) -> None:
    _, face = shown(who, acts)
    for side in SIDES:
        at = side > 0
        brow, eye, wing = face.brows[at][:, 1].mean(), face.eyes[at].lower[:, 1].mean(), face.alae[at][1]
        assert brow < eye < wing < face.mouth.bottom[:, 1].max() < face.jaw[8, 1]
        assert side * face.brows[at][0, 0] > 0, "brows stay on their side"


@given(PERSON, ACTS)
def test_a_face_that_acts_on_both_sides_is_symmetric(who: Identity, acts: dict[int, float]) -> None:
    even = {au: value for au, value in acts.items() if au not in (30, 46, 61, 62)}
    _, face = shown(who, even)
    mirror = np.array([-1.0, 1.0])
    assert np.allclose(face.brows[0] * mirror, face.brows[1])
    assert np.allclose(face.eyes[0].upper * mirror, face.eyes[1].upper)
    assert np.allclose(face.mouth.top[::-1] * mirror, face.mouth.top)
    assert np.allclose(face.jaw[::-1] * mirror, face.jaw)


def test_the_jaw_goes_to_the_named_side() -> None:
    who = identity(21, 1)
    assert shown(who, {30: 5}, {30: "L"})[1].shift > 0.1
    assert shown(who, {30: 5}, {30: "R"})[1].shift < -0.1
    assert shown(who, {30: 5})[1].shift > 0.1


def test_parting_needs_25_and_jaw_drop_alone_shows_a_smaller_gap() -> None:
    who = identity(21, 2)
    gaps = {
        name: shown(who, dict.fromkeys(aus, 5.0))[1].mouth.gap
        for name, aus in {
            "rest": (),
            "smile": (12,),
            "10": (10,),
            "25": (25,),
            "26": (26,),
            "25+26": (25, 26),
            "27": (27,),
        }.items()
    }
    assert gaps["rest"] == gaps["smile"] == gaps["10"] == 0
    assert 0 < gaps["26"] < gaps["25"] < gaps["25+26"] < gaps["27"]


# --- signs of the skin


@pytest.mark.parametrize("au", [1, 2, 4, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 23, 27, 39, 44])
def test_folds_deepen_with_the_au(au: int) -> None:
    who = identity(21, 3)
    depths = [sum(fold.darkness for fold in folds(who, *shown(who, {au: level}))) for level in range(6)]
    assert depths[5] > depths[0] + 0.2
    assert all(less <= more for less, more in itertools.pairwise(depths))


@pytest.mark.parametrize("au", [4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 24, 28, 29, 31, 33, 34, 35, 36])
def test_bulges_come_with_the_au(au: int) -> None:
    who = identity(21, 3)
    relief = [sum(abs(bulge.amplitude) for bulge in bulges(who, *shown(who, {au: level}))) for level in range(6)]
    assert all(less < more for less, more in itertools.pairwise(relief))


def test_age_shows_in_the_resting_skin_only_a_little() -> None:
    people = sorted((identity(21, index) for index in range(60)), key=lambda who: who.age)
    young, old = ([fold.darkness for fold in folds(who, *shown(who, {}))] for who in (people[0], people[-1]))
    assert sum(young) < sum(old)
    assert max(old) < 0.3, "or age would pass for an AU"


def test_signs_stay_on_the_side_that_acts() -> None:
    who = identity(21, 4)
    rest = {tuple(np.ravel(fold.course)) for fold in folds(who, *shown(who, {}))}
    for au in (2, 4, 6, 7, 14, 15, 20):
        for letter, side in (("L", 1), ("R", -1)):
            new = [
                fold
                for fold in folds(who, *shown(who, {au: 5}, {au: letter}))
                if tuple(np.ravel(fold.course)) not in rest and fold.darkness > 0.3
            ]
            assert all((side * np.asarray(fold.course)[:, 0] > 0).all() for fold in new)


def test_the_tongue_bulges_one_cheek() -> None:
    who = identity(21, 5)
    for sides, side in ((None, 1), ({36: "L"}, 1), ({36: "R"}, -1)):
        rest, tongue = (set(bulges(who, *shown(who, acts, sides))) for acts in ({}, {36: 5}))
        assert {np.sign(bulge.x) for bulge in tongue - rest} == {side}
