// A process group between ranks of one host that exchange through memory.
#pragma once

#include "SharedExchange.hpp"

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace apus {

// Joins the group of a store if all its ranks can share memory; nothing otherwise, on all of them.
c10::intrusive_ptr<c10d::Backend> join_shared_group(
    const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
    std::chrono::milliseconds timeout);

// The group of ranks that see each other's memory.
//
// What a rank starts is complete on its side: its numbers lie where the others find them. So no
// thread works behind its back, and a wait does what is left, in the order of ranks: sums have the
// same bits on every rank and in every run.
c10::intrusive_ptr<c10d::Backend> make_shared_group(Exchange exchange);

}  // namespace apus
