// Sums of several ranks' numbers.
#pragma once

#include "Torch.hpp"

#include <vector>

namespace apus {

// Writes the sum of `sources` into `target`, each as large as it is, added in their order.
//
// Numbers of 16 bits are added up with 32 bits and rounded once.
void sum_in_order(const at::Tensor &target, const std::vector<const void *> &sources);

}  // namespace apus
