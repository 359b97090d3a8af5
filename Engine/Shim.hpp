// What every part of the shim shares: handles and the guard round each body.
#pragma once

#include "Parts.hpp"
#include "Torch.hpp"

#include <functional>
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

// What a split backward leaves for later: the products that only weights' gradients need.
//
// Operations keep a pointer to the one of their recording, so that a backward on any thread finds
// the graph that it is part of.
struct Postponed : torch::CustomClassHolder {
    bool is_wanted = false;
    std::vector<std::function<void()>> products;
};

// Starts another recording on the calling thread, and gives the latest one.
void begin_recording();
c10::intrusive_ptr<Postponed> latest_recording();

// Remembers in an operation's forward which recording it belongs to.
void note_recording(torch::autograd::AutogradContext *context);

// Runs a product that adds to a weight's gradient, or leaves it for later.
void add_to_weight(torch::autograd::AutogradContext *context, std::function<void()> product);

}  // namespace apus
