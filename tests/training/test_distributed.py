"""Two processes of one job (gloo) against one with the whole batch, and what happens when one of them dies."""

import socket

import pytest
import torch
from tests.training.driver import CPU, go, peers, settings
from tests.training.test_continuation import spawn

from posetransfer.data.pairs import Pairs
from posetransfer.training.checkpoint import find_checkpoints, load_checkpoint
from posetransfer.training.distributed import World, synchronise_norms


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def spawn_job(folder, run, how, step=0):
    """Two processes with the environment that torchrun gives them."""
    port = free_port()
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
    return [spawn(folder, run, how, step, RANK=str(rank), LOCAL_RANK=str(rank), **common) for rank in (0, 1)]


@pytest.fixture(scope="module")
def jobs(people, tmp_path_factory):
    """Two jobs of two processes that run at the same time: (folder, exit codes, stderr of each process)."""
    Pairs.of(people, "train", settings())
    place = tmp_path_factory.mktemp("jobs")
    started = {how: spawn_job(people, place / how, how, 5) for how in ("peers", "widow")}
    ended = {how: [process.communicate(timeout=120)[1] for process in job] for how, job in started.items()}
    return {how: (place / how, [process.returncode for process in job], ended[how]) for how, job in started.items()}


@pytest.fixture(scope="module")
def compared(jobs, people, tmp_path_factory):
    """What one process and both of the two ended with."""
    folder, codes, errors = jobs["peers"]
    assert codes == [0, 0], errors
    alone = tmp_path_factory.mktemp("alone")
    torch.set_num_threads(1)
    peers(people, alone, World())
    return [torch.load(path) for path in (alone / "peer-1-0.pt", folder / "peer-2-0.pt", folder / "peer-2-1.pt")]


@pytest.mark.parametrize("part", ["gradients", "buffers", "pools"])
def test_two_processes_do_what_one_does_with_the_whole_batch(part, compared):
    """Second step of two with batch norm over both, pools, both discriminators: so the first update counts as well."""
    one, *two = compared
    for other in two:
        assert one[part].keys() == other[part].keys()
        for name, value in one[part].items():
            torch.testing.assert_close(other[part][name], value, rtol=1e-5, atol=1e-8, msg=f"{part} {name}")


def test_every_process_knows_the_losses_of_the_whole_batch(compared):
    one, first, second = compared
    assert first["terms"] == second["terms"]
    for mine, theirs in zip(one["terms"], first["terms"], strict=True):
        assert theirs == pytest.approx(mine, rel=1e-7)


def test_a_process_that_dies_ends_the_job_with_a_reason(jobs):
    _, codes, errors = jobs["widow"]
    assert codes[1] == -9 and codes[0] == 1
    assert "TrainingError: another process of this job ended or cannot be reached (" in errors[0]
    assert "goes on from the last checkpoint" in errors[0]


def test_the_job_goes_on_with_another_number_of_processes(jobs, people):
    run = jobs["widow"][0]
    step, state = load_checkpoint(find_checkpoints(run)[-1], CPU)
    assert step == 4 and len(state["appearance"]["pool"]) == 6
    assert go(people, run, settings()).step == 9


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_pair_is_seen_twice_in_a_pass_whatever_the_number_of_processes(size, people):
    chosen = settings(sampler="shuffled")
    readers = [Pairs.of(people, "train", chosen, rank=rank, world=size) for rank in range(size)]
    steps = len(readers[0]) // chosen.training.batch
    seen = [name for step in range(1, steps + 1) for reader in readers for name in reader.batch(step).names]
    assert len(seen) == len(set(seen)) == 72


def test_shares_cover_a_batch_in_order():
    batch = torch.arange(7)
    shares = [World(rank, 3).own(batch) for rank in range(3)]
    assert [len(share) for share in shares] == [World(rank, 3).share(7) for rank in range(3)] == [3, 2, 2]
    assert sorted(torch.cat(shares).tolist()) == batch.tolist()


def test_synchronised_norms_keep_the_names_of_the_state():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    before = list(network.state_dict())
    synchronise_norms(network)
    assert list(network.state_dict()) == before and type(network[1]) is not torch.nn.BatchNorm2d
    picture = torch.rand(2, 3, 4, 4)
    network.eval()
    torch.testing.assert_close(
        network(picture), torch.nn.functional.conv2d(picture, network[0].weight, network[0].bias) / (1 + 1e-5) ** 0.5
    )
