#include "Shim.hpp"

namespace apus {
namespace {

at::IntArrayRef shape_of(const int64_t *shape, int64_t dimensions) {
    TORCH_CHECK(
        dimensions >= 0 && dimensions <= APUS_DIMENSIONS_MAX, "a tensor has at most ",
        APUS_DIMENSIONS_MAX, " dimensions, not ", dimensions);
    return {shape, size_t(dimensions)};
}

at::TensorOptions options_of(int32_t type, int32_t device) {
    return at::dtype(type_of(type)).device(device_of(device));
}

apus_status tensor_empty(
    const int64_t *shape, int64_t dimensions, int32_t type, int32_t device, apus_tensor **result,
    apus_error **error) {
    return making(result, error, [&] {
        return at::empty(shape_of(shape, dimensions), options_of(type, device));
    });
}

apus_status tensor_zeros(
    const int64_t *shape, int64_t dimensions, int32_t type, int32_t device, apus_tensor **result,
    apus_error **error) {
    return making(result, error, [&] {
        return at::zeros(shape_of(shape, dimensions), options_of(type, device));
    });
}

apus_status tensor_copy_in(
    const void *values, const int64_t *shape, int64_t dimensions, int32_t type, int32_t device,
    apus_tensor **result, apus_error **error) {
    return making(result, error, [&] {
        at::Tensor host = at::empty(shape_of(shape, dimensions), options_of(type, -1));
        if (host.numel() > 0) std::memcpy(host.data_ptr(), values, host.nbytes());
        return host.to(device_of(device));
    });
}

apus_status tensor_copy_out(
    const apus_tensor *tensor, int32_t type, void *values, int64_t count, apus_error **error) {
    return guarded(error, [&] {
        const at::Tensor host =
            tensor->value.detach().to(at::kCPU).to(type_of(type)).contiguous();
        TORCH_CHECK(host.numel() == count, "the tensor has ", host.numel(), " elements, not ", count);
        if (count > 0) std::memcpy(values, host.data_ptr(), host.nbytes());
    });
}

int32_t number_of(at::ScalarType type) {
    for (int32_t number = APUS_FLOAT32; number <= APUS_UINT8; ++number)
        if (type_of(number) == type) return number;
    TORCH_CHECK(false, "elements of type ", type, " do not leave the engine");
}

apus_status tensor_describe(
    const apus_tensor *tensor, int64_t *shape, int64_t *dimensions, int32_t *type,
    apus_error **error) {
    return guarded(error, [&] {
        const at::IntArrayRef sizes = shape_of(tensor->value.sizes().data(), tensor->value.dim());
        *type = number_of(tensor->value.scalar_type());
        *dimensions = tensor->value.dim();
        std::copy(sizes.begin(), sizes.end(), shape);
    });
}

apus_status tensor_alias(const apus_tensor *tensor, apus_tensor **result, apus_error **error) {
    return making(result, error, [&] { return tensor->value; });
}

apus_status tensor_clone(const apus_tensor *tensor, apus_tensor **result, apus_error **error) {
    return making(result, error, [&] { return tensor->value.clone(); });
}

apus_status tensor_detach(
    const apus_tensor *tensor, int32_t requires_gradient, apus_tensor **result,
    apus_error **error) {
    return making(result, error, [&] {
        at::Tensor leaf = tensor->value.detach();
        return leaf.set_requires_grad(requires_gradient != 0);
    });
}

apus_status tensor_view(
    const apus_tensor *tensor, const int64_t *shape, int64_t dimensions, apus_tensor **result,
    apus_error **error) {
    return making(result, error, [&] {
        return tensor->value.view(shape_of(shape, dimensions));
    });
}

apus_status tensor_narrow(
    const apus_tensor *tensor, int64_t dimension, int64_t start, int64_t count,
    apus_tensor **result, apus_error **error) {
    return making(result, error, [&] { return tensor->value.narrow(dimension, start, count); });
}

apus_status tensor_select(
    const apus_tensor *tensor, int64_t dimension, int64_t index, apus_tensor **result,
    apus_error **error) {
    return making(result, error, [&] { return tensor->value.select(dimension, index); });
}

apus_status tensor_transpose(
    const apus_tensor *tensor, int64_t first, int64_t second, apus_tensor **result,
    apus_error **error) {
    return making(result, error, [&] { return tensor->value.transpose(first, second); });
}

apus_status tensor_contiguous(
    const apus_tensor *tensor, apus_tensor **result, apus_error **error) {
    return making(result, error, [&] { return tensor->value.contiguous(); });
}

apus_status tensor_convert(
    const apus_tensor *tensor, int32_t type, apus_tensor **result, apus_error **error) {
    return making(result, error, [&] { return tensor->value.to(type_of(type)); });
}

// Changes made in place are no part of a graph, so leaves may be changed too.
apus_status tensor_copy(
    const apus_tensor *tensor, const apus_tensor *source, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(
            tensor->value.sizes() == source->value.sizes(), "copying ", source->value.sizes(),
            " into ", tensor->value.sizes());
        tensor->value.detach().copy_(source->value.detach());
    });
}

apus_status tensor_fill(const apus_tensor *tensor, double value, apus_error **error) {
    return guarded(error, [&] { tensor->value.detach().fill_(value); });
}

apus_status tensor_fill_normal(
    const apus_tensor *tensor, double mean, double standard_deviation, uint64_t seed,
    apus_error **error) {
    return guarded(error, [&] {
        const at::Generator generator = at::detail::createCPUGenerator(seed);
        at::Tensor drawn = at::empty({tensor->value.numel()}, at::kFloat);
        drawn.normal_(mean, standard_deviation, generator);
        tensor->value.detach().copy_(drawn.view(tensor->value.sizes()));
    });
}

apus_status tensor_accumulate(
    const apus_tensor *tensor, const apus_tensor *addend, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(
            tensor->value.sizes() == addend->value.sizes(), "adding ", addend->value.sizes(),
            " to ", tensor->value.sizes());
        tensor->value.detach().add_(addend->value.detach());
    });
}

apus_status tensor_scale(const apus_tensor *tensor, double factor, apus_error **error) {
    return guarded(error, [&] { tensor->value.detach().mul_(factor); });
}

apus_status gradient_set(
    const apus_tensor *tensor, const apus_tensor *gradient, apus_error **error) {
    return guarded(error, [&] {
        const at::Tensor &leaf = tensor->value;
        const at::Tensor &value = gradient->value;
        TORCH_CHECK(
            leaf.is_leaf() && leaf.requires_grad(), "only a leaf that requires a gradient has one");
        TORCH_CHECK(
            leaf.sizes() == value.sizes() && leaf.scalar_type() == value.scalar_type() &&
                leaf.device() == value.device(),
            "a gradient of ", value.sizes(), " ", value.scalar_type(), " for a leaf of ",
            leaf.sizes(), " ", leaf.scalar_type());
        leaf.mutable_grad() = value.detach();
    });
}

apus_status gradient_take(const apus_tensor *tensor, apus_tensor **result, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(tensor->value.is_leaf(), "only a leaf has a gradient");
        at::Tensor taken = std::exchange(tensor->value.mutable_grad(), at::Tensor());
        *result = taken.defined() ? new apus_tensor{std::move(taken)} : nullptr;
    });
}

}  // namespace

at::ScalarType type_of(int32_t type) {
    switch (type) {
    case APUS_FLOAT32: return at::kFloat;
    case APUS_FLOAT64: return at::kDouble;
    case APUS_FLOAT16: return at::kHalf;
    case APUS_BFLOAT16: return at::kBFloat16;
    case APUS_INT64: return at::kLong;
    case APUS_INT32: return at::kInt;
    case APUS_UINT8: return at::kByte;
    default: TORCH_CHECK(false, "element type ", type, " does not exist");
    }
}

void install_tensors(apus_engine &table) {
    table.tensor_empty = tensor_empty;
    table.tensor_zeros = tensor_zeros;
    table.tensor_copy_in = tensor_copy_in;
    table.tensor_copy_out = tensor_copy_out;
    table.tensor_describe = tensor_describe;
    table.tensor_alias = tensor_alias;
    table.tensor_clone = tensor_clone;
    table.tensor_detach = tensor_detach;
    table.tensor_view = tensor_view;
    table.tensor_narrow = tensor_narrow;
    table.tensor_select = tensor_select;
    table.tensor_transpose = tensor_transpose;
    table.tensor_contiguous = tensor_contiguous;
    table.tensor_convert = tensor_convert;
    table.tensor_copy = tensor_copy;
    table.tensor_fill = tensor_fill;
    table.tensor_fill_normal = tensor_fill_normal;
    table.tensor_accumulate = tensor_accumulate;
    table.tensor_scale = tensor_scale;
    table.gradient_set = gradient_set;
    table.gradient_take = gradient_take;
    table.tensor_destroy = [](apus_tensor *tensor) { delete tensor; };
}

}  // namespace apus
