"""Import, list and verify weights; tell them which poses they were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from posetransfer.errors import PoseTransferError, SettingsError


def import_(
    file: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FILE.pth")]],
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")] = None,
    name: str | None = None,
    size: Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="HEIGHT WIDTH")] = None,
    heatmaps: Literal["gaussian", "impulse"] | None = None,
    sigma: float | None = None,
    dtype: Literal["fp32", "fp16"] = "fp32",
) -> None:
    """Bring in a generator of the paper's authors (latest_net_netG.pth).

    Args:
        file: their state dict, of any torch version; nothing but tensors is unpickled.
        output: the weights folder to write.
        name: write it to the user's own store under this name, instead of --output.
        size: of the network's pictures; not in the file, by default 128 64 with batch norm, 256 176 with instance norm.
        heatmaps: what the network was trained to read; not in the file, by default gaussian.
        sigma: of the heat maps in pixels; not in the file, by default 6.
        dtype: how numbers are stored; fp16 halves the folder.
    """
    from posetransfer.weights import save_weights
    from posetransfer.weights.official import official_card, read_official

    folder = _destination(output, name)
    told = {"size": size, "heatmaps": heatmaps, "sigma": sigma}
    official = read_official(file, **{setting: value for setting, value in told.items() if value is not None})
    origin = f"imported from the authors' {file.name}"
    save_weights(folder, official.config, official.tensors, official_card(official, file.name), dtype, origin=origin)
    print("\n".join([*official.notes, f"{folder}: written; use it with --weights {name or folder}"]))


def list_(json: bool = False) -> None:
    """List the weights that have a name: those of the package, and the user's own.

    Args:
        json: answer in JSON.
    """
    from json import dumps

    from posetransfer.weights import parameter_count, read_config, weights_names

    rows: list[dict[str, Any]] = []
    for name, folder in weights_names().items():
        try:
            config = read_config(folder)
            rows.append(
                {
                    "name": name,
                    "size": list(config.size),
                    "parameters": parameter_count(config),
                    "backdrop": config.backdrop,
                    "folder": str(folder),
                }
            )
        except PoseTransferError as err:  # one broken folder must not hide the others
            rows.append({"name": name, "problem": str(err), "folder": str(folder)})
    if json:
        print(dumps(rows, indent=2))
        return
    for row in rows:
        about = row.get("problem") or f"{row['size'][0]}x{row['size'][1]}  {row['parameters']:>10,} parameters  {row['folder']}"
        print(f"{row['name']:20}  {about}")
    if not rows:
        print("no weights have a name yet; import some with: posetransfer weights import FILE.pth --name NAME")


def verify(weights: tyro.conf.Positional[str] = "default", json: bool = False) -> None:
    """Check weights: files, settings, every tensor's shape, the SHA-256, and that all numbers are finite.

    Args:
        weights: name or folder.
        json: answer in JSON.
    """
    from json import dumps

    from posetransfer.weights import find_weights, parameter_count, verify_weights
    from posetransfer.weights.file import TENSORS, file_hash

    checked = verify_weights(find_weights(weights))
    digest, count = file_hash(checked.folder / TENSORS), parameter_count(checked.config)
    if json:
        print(
            dumps(
                {"folder": str(checked.folder), "sound": True, "tensors": len(checked.tensors), "parameters": count, "sha256": digest},
                indent=2,
            )
        )
    else:
        print(f"{checked.folder}: sound ({len(checked.tensors)} tensors, {count:,} parameters, SHA-256 {digest})")


def poses(
    weights: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="FOLDER")]],
    data: Annotated[Path, tyro.conf.arg(metavar="FOLDER")],
) -> None:
    """Let weights know the poses they were trained on, so that `transfer` can warn of others (train does it by itself).

    Args:
        weights: folder or name; a file poses.json is written into it.
        data: the prepared folder that they were trained on.
    """
    from posetransfer.data.manifest import PreparedFolder
    from posetransfer.gate import POSES, Seen
    from posetransfer.image import whole_file
    from posetransfer.weights import find_weights, read_config

    folder = find_weights(weights)
    read_config(folder)
    split = PreparedFolder.open(data).split("train")
    seen = Seen.of(split.points, split.size)
    with whole_file(folder / POSES) as file:
        file.write(seen.to_json().encode())
    print(f"{folder / POSES}: {len(seen.poses)} poses that stand for {seen.count:,}")


def _destination(output: Path | None, name: str | None) -> Path:
    from posetransfer.cli.output import check_folder
    from posetransfer.weights.store import user_folder

    if (output is None) == (name is None):
        raise SettingsError("where shall the weights go? give either --output FOLDER or --name NAME.")
    if name is not None and (not name or Path(name).name != name or name[0] in ".-"):
        raise SettingsError(
            f"name {name!r}: a name has no slash and begins with neither a dot nor a dash; give another, or use --output FOLDER."
        )
    folder = output if output is not None else user_folder() / str(name)
    check_folder(folder.parent, folder)
    return folder


COMMANDS = {"import": import_, "list": list_, "verify": verify, "poses": poses}
