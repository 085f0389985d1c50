"""Files in the authors' layout, in every form that is about, against a network in their own layers."""

import io
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest
import torch
from tests.networks.authors import AuthorsDiscriminator, AuthorsGenerator, randomised

from posetransfer.engines.pytorch import PyTorchEngine
from posetransfer.errors import WeightsError
from posetransfer.weights import load_weights, save_weights
from posetransfer.weights.official import official_card, read_official

rng = np.random.default_rng(3)
INPUTS = [rng.uniform(-1, 1, (1, 3, 16, 16)).astype("f"), rng.random((1, 18, 16, 16)).astype("f"), rng.random((1, 18, 16, 16)).astype("f")]


def expected(network):
    with torch.no_grad():
        return network(*map(torch.from_numpy, INPUTS)).numpy()


def imported(path, tmp_path):
    """Through the whole way of a user: import, write a folder, read it, run it."""
    official = read_official(path, size=(16, 16))
    save_weights(tmp_path / "w", official.config, official.tensors, official_card(official, path.name), "fp32")
    return official, PyTorchEngine(load_weights(tmp_path / "w"), "cpu", "fp32").run(*INPUTS)


@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize(("norm", "statistics"), [("batch", False), ("instance", False), ("instance", True)])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("counters", [True, False])
def test_every_form_of_the_file_gives_the_authors_picture(norm, statistics, dropout, prefix, counters, tmp_path):
    network = randomised(AuthorsGenerator(norm, dropout=dropout, statistics=statistics))
    state = {prefix + key: tensor for key, tensor in network.state_dict().items() if counters or not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "latest_net_netG.pth", _use_new_zipfile_serialization=counters)  # without: the old file form
    official, picture = imported(tmp_path / "latest_net_netG.pth", tmp_path)
    assert np.std(picture) > 0.1
    np.testing.assert_allclose(picture, expected(network), atol=2e-5)
    assert (official.config.norm, official.config.width, official.config.blocks, official.config.dropout) == (norm, 4, 2, dropout)


@pytest.mark.parametrize("python2", [True, False])
def test_a_file_as_torch_031_wrote_it(python2, tmp_path):
    network = randomised(AuthorsGenerator("instance", statistics=True))
    path = tmp_path / "latest_net_netG.pth"
    path.write_bytes(torch_031_file(network.state_dict(), python2))
    official, picture = imported(path, tmp_path)
    np.testing.assert_allclose(picture, expected(network), atol=2e-5)
    assert len(official.dropped) == 2 * (3 + 3 + 2 * 3 + 2)  # two buffers for each of the norms: encoders, blocks, decoder


def test_what_was_dropped_and_assumed_is_said(tmp_path):
    torch.save(AuthorsGenerator("instance", statistics=True).state_dict(), tmp_path / "a.pth")
    notes = " ".join(read_official(tmp_path / "a.pth").notes)
    assert "Dropped 28 running statistics of instance norms" in notes
    assert "size 256x176 (height x width), heatmaps gaussian, sigma 6 px" in notes
    torch.save(AuthorsGenerator("batch").state_dict(), tmp_path / "b.pth")
    notes = " ".join(read_official(tmp_path / "b.pth", heatmaps="impulse").notes)
    assert "Dropped 14 num_batches_tracked" in notes
    assert "heatmaps" not in notes and "size 128x64" in notes


def refused(path, pattern):
    with pytest.raises(WeightsError, match=pattern) as caught:
        read_official(path)
    assert "\n" not in str(caught.value)


def test_a_discriminator_in_place_of_the_generator_is_named(tmp_path):
    torch.save(AuthorsDiscriminator(6, "batch").state_dict(), tmp_path / "latest_net_netD_PP.pth")
    refused(tmp_path / "latest_net_netD_PP.pth", "discriminator.*latest_net_netG")


def test_missing_misshapen_and_unknown_tensors_are_named_as_in_the_file(tmp_path):
    path, state = tmp_path / "g.pth", AuthorsGenerator("batch").state_dict()
    torch.save({key: value for key, value in state.items() if key != "model.att.1.conv_block_stream2.6.weight"}, path)
    refused(path, r"att\.1\.conv_block_stream2\.6\.weight is missing")
    torch.save(state | {"model.stream1_up.7.bias": torch.zeros(4)}, path)
    refused(path, r"stream1_up\.7\.bias has shape \(4,\), .*\(3,\)")
    torch.save(state | {"model.att.0.extra.weight": torch.zeros(4)}, path)
    refused(path, r"unknown tensor att\.0\.extra\.weight")
    torch.save(state | {"model.stream1_up.7.bias": torch.tensor([0.0, float("nan"), 0.0])}, path)
    refused(path, r"not finite")


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    for number, zipped in enumerate((True, False)):
        path = tmp_path / f"bomb{number}.pth"
        torch.save({"model.stream1_down.1.weight": Bomb()}, path, _use_new_zipfile_serialization=zipped)
        refused(path, "a pickle can run code")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_cut_short_or_foreign_files_are_refused(zipped, tmp_path):
    path = tmp_path / "g.pth"
    torch.save(AuthorsGenerator("batch").state_dict(), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1000):
        path.write_bytes(whole[:length])
        refused(path, "g.pth: ")
    path.write_bytes(b"\xff\xd8 this is a photo" * 100)
    refused(path, "not a PyTorch file")
    refused(tmp_path / "none.pth", "cannot be read")
    torch.save([1, 2], path)
    refused(path, "list")
    torch.save({"a": torch.zeros(1)}, path)
    refused(path, "not a generator of the authors")


def torch_031_file(state, python2):
    """The bytes that torch 0.3.1 wrote: five pickles, then raw storages. Python 2 stored names as byte strings.

    Written from the format (no torch function takes part): tensors by `_rebuild_tensor`, storages by persistent id.
    """
    storages = OrderedDict()

    class Pickler(pickle._Pickler):
        dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

        def persistent_id(self, thing):
            if isinstance(thing, Storage):
                storages[thing.key] = thing.array
                return ("storage", FloatStorage, thing.key, "cpu", thing.array.size, None)

        def reducer_override(self, thing):
            if isinstance(thing, Old):
                strides = tuple(int(np.prod(thing.array.shape[i + 1 :])) for i in range(thing.array.ndim))
                return torch._utils._rebuild_tensor, (Storage(thing), 0, thing.array.shape, strides)
            return NotImplemented

        def save_str(self, text):
            if not python2:
                return pickle._Pickler.save_str(self, text)
            self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(text)) + text.encode())
            self.memoize(text)

        dispatch[str] = save_str

        def save_global(self, thing, name=None):
            if thing is FloatStorage:
                self.write(pickle.GLOBAL + b"torch\nFloatStorage\n")
            else:
                pickle._Pickler.save_global(self, thing, name)

        dispatch[type] = save_global

    class FloatStorage:
        pass

    class Old:
        def __init__(self, array):
            self.array = array

    class Storage:
        def __init__(self, tensor):
            self.array, self.key = tensor.array.ravel(), str(id(tensor))

    def dumped(thing):
        file = io.BytesIO()
        Pickler(file, protocol=2).dump(thing)
        return file.getvalue()

    old = OrderedDict((key, Old(tensor.numpy())) for key, tensor in state.items())
    header = [
        0x1950A86A20F9469CFC6C,
        1001,
        {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}},
    ]
    parts = [dumped(thing) for thing in [*header, old]] + [dumped(list(storages))]
    return b"".join(parts) + b"".join(struct.pack("<q", array.size) + array.astype("<f4").tobytes() for array in storages.values())
