// What every part of the shim shares: handles, the guard round each body, and the installers.
#pragma once

#include "Torch.hpp"
#include "apus_engine.h"

#include <new>
#include <string>
#include <utility>
#include <vector>

struct apus_error {
    std::string message;
};
struct apus_tensor {
    at::Tensor value;
};
struct apus_list {
    std::vector<at::Tensor> values;
};

namespace apus {

// Records the first line of `text` as the failure, without the library's backtrace.
apus_status fail(apus_error **error, const char *text) noexcept;

// Flushes denormal numbers to zero on the calling thread; threads it starts inherit that.
void prepare_thread();

// Runs `body`, turning every exception into a status: none crosses the interface.
template <typename Body>
apus_status guarded(apus_error **error, Body body) noexcept {
    try {
        prepare_thread();
        body();
        return 0;
    } catch (const c10::Error &failure) {
        return fail(error, failure.what_without_backtrace());
    } catch (const std::exception &failure) {
        return fail(error, failure.what());
    } catch (...) {
        return fail(error, "the library threw something that is no exception");
    }
}

// Runs a body that makes one tensor and hands it over.
template <typename Body>
apus_status making(apus_tensor **result, apus_error **error, Body body) noexcept {
    return guarded(error, [&] { *result = new apus_tensor{body()}; });
}

at::Device device_of(int32_t device);
at::ScalarType type_of(int32_t type);

inline bool is_fused(const at::Tensor &tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
}

// The gradient of a leaf that a product may add into directly, or nothing.
//
// Adding there saves a pass over a gradient of the weight's size. It equals what autograd would do
// with a returned gradient, up to rounding.
std::optional<at::Tensor> open_gradient(const at::Tensor &leaf);

void install_process(apus_engine &table);
void install_tensors(apus_engine &table);
void install_operations(apus_engine &table);
void install_products(apus_engine &table);
void install_rows(apus_engine &table);
void install_head(apus_engine &table);
void install_training(apus_engine &table);
void install_collectives(apus_engine &table);

// Sets up allocation, denormals and the last words of a crash; called once, before any tensor.
void start_process();

}  // namespace apus
