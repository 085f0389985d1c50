"""The kernels against geometry worked out by hand or by numpy."""

import numpy as np
import pytest

from posetransfer.people.accessories import rounded_box
from posetransfer.people.camera import View, fit_view, look
from posetransfer.people.light import Light
from posetransfer.people.mesh import MeshBuilder
from posetransfer.people.raster import rasterise, resolve, shadow_map
from posetransfer.people.render import cast_shadow, render
from posetransfer.people.render import resolve as blend
from posetransfer.people.shadow import light_at
from posetransfer.people.surface import crowding, draw_into_atlas, normals, skin

SIZE = 16


def square(depth: float, left: float = 2, right: float = 12, colour: int = 200, pixel_alpha: int = 255, **material):
    """Mesh, sample positions: a square of two triangles, x from left to right, y from 3 to 9, at a depth in metres."""
    texture = np.full((8, 8, 4), colour, np.uint8)
    texture[..., 3] = pixel_alpha
    builder = MeshBuilder(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.float32), 8)
    corners = np.array([[left, 3, depth], [right, 3, depth], [right, 9, depth], [left, 9, depth]], np.float32)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    builder.add(corners, np.zeros((4, 4), np.uint8), np.ones((4, 4), np.float32), faces, uv[faces], builder.material(texture, **material))
    return builder


def drawn(builder: MeshBuilder):
    mesh = builder.build()
    return rasterise(mesh.vertices, mesh.triangles, mesh.uv, mesh.material, mesh.materials, mesh.textures, SIZE, SIZE)


def test_a_square_covers_the_samples_whose_centres_it_holds_at_its_depth():
    seen, inverse_depth, _ = drawn(square(4.0))
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    inside = (x > 2) & (x < 12) & (y > 3) & (y < 9)
    assert np.array_equal(seen >= 0, inside)
    assert np.allclose(inverse_depth[inside], 1 / 4.0)


def test_the_nearer_surface_wins_unless_a_bias_lets_cloth_win_over_skin():
    def both(bias: float) -> int:
        builder = square(4.0)  # skin: triangles 0 and 1
        mesh = square(4.01).build()
        cloth = builder.material(np.full((8, 8, 4), 255, np.uint8), bias=bias)
        builder.add(mesh.vertices, mesh.bones, mesh.weights, mesh.triangles, mesh.uv, cloth)
        return int(drawn(builder)[0][5, 5])

    assert both(0.0) in (0, 1)
    assert both(0.02) in (2, 3)


def test_transparent_texels_are_left_out_only_where_the_material_tests_alpha():
    assert (drawn(square(4.0, pixel_alpha=0))[0] >= 0).sum() == 60
    assert (drawn(square(4.0, pixel_alpha=0, alpha=True))[0] >= 0).sum() == 0
    assert (drawn(square(4.0, pixel_alpha=255, alpha=True))[0] >= 0).sum() == 60


def test_barycentrics_are_corrected_for_perspective():
    # One edge twice as far: half-way on the screen is a third of the way on the surface.
    points = np.array([[0, 0, 2], [16, 0, 4], [0, 16, 2]], np.float32)
    mesh = square(4.0).build()
    faces, uv = np.array([[0, 1, 2]], np.int32), np.zeros((1, 3, 2), np.float32)
    seen, _, barycentric = rasterise(points, faces, uv, np.zeros(1, np.int32), mesh.materials, mesh.textures, SIZE, SIZE)
    on_screen = 8.5 / 16
    expected = (on_screen / 4) / (on_screen / 4 + (1 - on_screen) / 2)
    assert seen[0, 8] == 0
    assert barycentric[0, 8, 0] == pytest.approx(expected, abs=1e-5)


def test_a_point_below_a_roof_lies_in_its_shadow():
    roof = np.array([[4, 4, 2.0], [12, 4, 2.0], [12, 12, 2.0], [4, 12, 2.0]], np.float32)  # 2 m towards the light
    depth = shadow_map(roof, np.array([[0, 1, 2], [0, 2, 3]], np.int32), SIZE)
    assert depth[8, 8] == 2.0 and depth[1, 1] < -1e8
    matrix = np.eye(3, 4, dtype=np.float32)
    assert light_at(depth, matrix, 8.0, 8.0, 0.0, 0.01, 0, 1.0) == 0
    assert light_at(depth, matrix, 8.0, 8.0, 3.0, 0.01, 0, 1.0) == 1
    assert light_at(depth, matrix, 1.5, 1.5, 0.0, 0.01, 0, 1.0) == 1


def test_resolve_is_the_mean_of_four_samples_over_the_shaded_backdrop():
    rng = np.random.default_rng(0)
    seen = rng.integers(-1, 2, (8, 6)).astype(np.int32)
    colour = rng.random((8, 6, 3), np.float32)
    backdrop, shadow = rng.random((4, 3, 3), np.float32), rng.random((4, 3), np.float32)
    picture, cover = resolve(seen, colour, backdrop, shadow)
    behind = np.repeat(np.repeat(backdrop * shadow[..., None], 2, 0), 2, 1)
    samples = np.where((seen >= 0)[..., None], colour, behind)
    assert np.allclose(picture, samples.reshape(4, 2, 3, 2, 3).mean((1, 3)), atol=1e-6)
    assert np.allclose(cover, (seen >= 0).reshape(4, 2, 3, 2).mean((1, 3)))


def test_normals_of_a_ball_point_outwards_and_skinning_blends_the_matrices():
    y, x = np.mgrid[0:19, 0:36]
    polar, around = y.ravel() * np.pi / 18, x.ravel() * np.pi / 18
    ball = np.stack([np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], 1).astype(np.float32)
    faces = []
    for i in range(18):
        for j in range(36):
            a, b, c, d = i * 36 + j, i * 36 + (j + 1) % 36, (i + 1) * 36 + j, (i + 1) * 36 + (j + 1) % 36
            faces += [[a, b, c], [b, d, c]]
    outward = normals(ball, np.array(faces, np.int32))
    middle = (polar > 0.3) & (polar < 2.8)
    assert ((outward * ball).sum(1)[middle] > 0.98).all()

    rng = np.random.default_rng(1)
    matrices = rng.normal(size=(3, 3, 4)).astype(np.float32)
    bones, weights = rng.integers(0, 3, (len(ball), 4)).astype(np.uint8), rng.random((len(ball), 4)).astype(np.float32)
    every = np.einsum("bij,nj->nbi", matrices[:, :, :3], ball) + matrices[:, :, 3]
    expected = (weights[..., None] * np.take_along_axis(every, bones[..., None].astype(int), 1)).sum(1)
    assert np.allclose(skin(ball, bones, weights, matrices), expected, atol=1e-4)


def test_a_linear_field_drawn_into_an_atlas_is_itself():
    uv = np.array([[[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]], np.float32)
    field, mask = draw_into_atlas(uv, uv.copy(), 32)
    rows, columns = np.nonzero(mask == 2)
    assert len(rows) == pytest.approx(0.5 * 0.8 * 0.8 * 32 * 32, rel=0.05)
    assert np.allclose(field[rows, columns], np.stack([(columns + 0.5) / 32, 1 - (rows + 0.5) / 32], 1), atol=1e-5)


def test_a_camera_sees_right_to_the_right_and_up_upwards():
    view = View(np.array([0, 1.0, 5]), look(np.array([0, 1.0, 5]), np.array([0, 1.0, 0])), 100.0, (32.0, 64.0))
    points = view.project(np.array([[0, 1.0, 0], [0.5, 1.0, 0], [0, 1.5, 0]]))
    assert np.allclose(points, [[32, 64, 5], [42, 64, 5], [32, 54, 5]], atol=1e-4)


def test_a_fitted_view_gives_the_figure_its_share_of_the_height_but_keeps_it_in_the_width():
    rng = np.random.default_rng(0)
    tall = rng.uniform([-0.2, 0, -0.1], [0.2, 1.8, 0.1], (5000, 3))
    eye, at = np.array([0, 1.0, 4.0]), np.array([0, 0.9, 0.0])
    pixels = fit_view(eye, at, tall, (256, 176), 0.9, (3.0, -2.0)).project(tall)
    assert np.ptp(pixels[:, 1]) == pytest.approx(0.9 * 256, rel=0.02)
    assert (pixels[:, 1].max() + pixels[:, 1].min()) / 2 == pytest.approx(128 - 2, abs=2)
    wide = tall * [5, 1, 1]
    assert np.ptp(fit_view(eye, at, wide, (256, 176), 0.9, (0.0, 0.0)).project(wide)[:, 0]) == pytest.approx(1.06 * 176, rel=0.02)


def test_a_small_bright_ball_lies_on_the_pixel_that_its_joint_names():
    # The middle of what is drawn, in numpy's indices, against the projection that writes the joints.
    rng = np.random.default_rng(3)
    sky = Light(np.array([[0, 1, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1], [0, 1, 0], [0, 0, 0]], np.float32))
    shell, triangles = rounded_box(np.full(3, 0.09))
    uv, bones = np.zeros((len(triangles), 3, 2), np.float32), np.zeros((len(shell), 4), np.uint8)
    eye = np.array([0.2, 1.1, 4.0])
    view = View(eye, look(eye, np.array([0, 0.9, 0.0])), 260.0, (90.3, 120.8))
    away = []
    for place in rng.uniform([-0.8, 0.3, -0.3], [0.8, 1.5, 0.3], (12, 3)):
        builder = MeshBuilder(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.float32), 8)
        white = builder.material(np.full((8, 8, 4), 255, np.uint8))
        builder.add(shell + place, bones, bones.astype(np.float32), triangles, uv, white)
        mesh = builder.build()
        rendering = render(mesh, mesh.vertices, view, sky, cast_shadow(mesh, mesh.vertices, sky, 1.8, 64), (256, 176))
        picture, cover = blend(rendering, np.zeros((256, 176, 3), np.float32), np.ones((256, 176), np.float32), 1.0)
        rows, columns = np.nonzero(cover > 0)
        assert picture[rows, columns].max() > 0.5
        middle = [np.average(at, weights=cover[rows, columns]) for at in (columns, rows)]
        away.append(view.pixels(place[None])[0] - middle)
    assert np.abs(away).max() < 0.25
    assert np.abs(np.mean(away, 0)).max() < 0.06


def test_cloth_is_crowded_on_the_inside_of_a_bend_and_stretched_on_the_outside():
    # A tube bent by 60 degrees in the middle, as an arm: its inner side gets shorter, its outer side longer.
    along, around = (grid.ravel() for grid in np.meshgrid(np.linspace(-1, 1, 21), np.arange(12) * np.pi / 6, indexing="ij"))
    rest = np.stack([along, 0.2 * np.cos(around), 0.2 * np.sin(around)], 1).astype(np.float32)
    turn = np.clip(along / 0.3, -1, 1) * np.radians(30)
    bent = np.stack([rest[:, 0], np.zeros_like(along), rest[:, 2]], 1)
    bent[:, 0] -= np.sin(turn) * rest[:, 1]
    bent[:, 1] = np.cos(turn) * rest[:, 1]
    cells = [(i * 12 + j, i * 12 + (j + 1) % 12) for i in range(20) for j in range(12)]
    faces = np.array([triangle for a, b in cells for triangle in ([a, b, a + 12], [b, b + 12, a + 12])], np.int32)
    crowded = crowding(bent.astype(np.float32), rest, faces)
    middle = np.abs(along) < 0.15
    assert (crowded[middle & (np.cos(around) > 0.8)] > 1.2).all()
    assert (crowded[middle & (np.cos(around) < -0.8)] < 0.85).all()
    assert np.allclose(crowding(rest, rest, faces), 1, atol=1e-5)
