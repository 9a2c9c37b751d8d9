"""Random numbers of a run that nothing else affects."""

import torch

from latentlab.training.seeding import RandomStream, derived_seed

CPU = torch.device("cpu")


def test_a_stream_is_independent_of_other_random_numbers():
    stream = RandomStream(CPU, 1)
    with stream:
        first = torch.randn(2)
    torch.manual_seed(99)
    with stream:
        second = torch.randn(2)
    with RandomStream(CPU, 1):
        assert torch.equal(torch.randn(2), first)
        assert torch.equal(torch.randn(2), second)
    torch.manual_seed(99)
    expected = torch.randn(1)
    torch.manual_seed(99)
    with stream:
        torch.randn(5)
    assert torch.equal(torch.randn(1), expected)


def test_a_fork_does_not_advance_the_stream():
    stream = RandomStream(CPU, 1)
    with stream.forked():
        forked = torch.randn(2)
    with stream:
        assert torch.equal(torch.randn(2), forked)


def test_a_stream_continues_from_its_state():
    stream, other = RandomStream(CPU, 1), RandomStream(CPU, 2)
    with stream:
        torch.randn(3)
    other.load_state_dict({name: tensor.clone() for name, tensor in stream.state_dict().items()})
    with stream:
        expected = torch.randn(3)
    with other:
        assert torch.equal(torch.randn(3), expected)


def test_seeds_for_different_purposes_differ():
    seeds = {derived_seed(seed, purpose, index) for seed in range(3) for purpose in range(3) for index in range(3)}
    assert len(seeds) == 27
    assert all(0 <= seed < 2**63 for seed in seeds)
