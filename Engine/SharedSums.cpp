#include "SharedSums.hpp"

#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <algorithm>

namespace apus {

void sum_in_order(const at::Tensor &target, const std::vector<const void *> &sources) {
    AT_DISPATCH_ALL_TYPES_AND2(
        at::kHalf, at::kBFloat16, target.scalar_type(), "all-reduce", [&] {
            using Sum = at::opmath_type<scalar_t>;
            // As many as stay in the first cache with one source beside them.
            constexpr int64_t most = 2048;
            Sum sums[most];
            const int64_t count = target.numel();
            scalar_t *result = target.data_ptr<scalar_t>();
            for (int64_t begin = 0; begin < count; begin += most) {
                const int64_t size = std::min(most, count - begin);
                std::fill_n(sums, size, Sum(0));
                for (const void *source : sources) {
                    const scalar_t *numbers = static_cast<const scalar_t *>(source) + begin;
                    for (int64_t index = 0; index < size; ++index) {
                        sums[index] += Sum(numbers[index]);
                    }
                }
                for (int64_t index = 0; index < size; ++index) {
                    result[begin + index] = scalar_t(sums[index]);
                }
            }
        });
}

}  // namespace apus
