// Normalisation, rotation, activation, attention and the small operations of the router.
#include "Kernels.hpp"
#include "Shim.hpp"

#include <cmath>

namespace apus {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Rows given to a thread at once, and the rows whose weight gradients are added up together.
constexpr int64_t grain = 32;

struct RMSNorm : Function<RMSNorm> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, double epsilon) {
        const at::Tensor input = x.contiguous();
        const int64_t width = weight.numel(), rows = input.numel() / width;
        at::Tensor y = at::empty_like(input);
        at::Tensor inverse = at::empty({rows}, input.options());
        at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
            rms_norm_forward(
                input.const_data_ptr<float>(), weight.const_data_ptr<float>(),
                y.mutable_data_ptr<float>(), inverse.mutable_data_ptr<float>(), begin, end, width,
                float(epsilon));
        });
        context->save_for_backward({input, weight, inverse});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor dy = gradients[0].contiguous();
        const at::Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
        const int64_t width = weight.numel(), rows = x.numel() / width;
        const int64_t parts = (rows + grain - 1) / grain;
        at::Tensor dx = at::empty_like(x);
        at::Tensor shares = at::zeros({parts, width}, weight.options());
        at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
            for (int64_t part = first; part < last; ++part) {
                rms_norm_backward(
                    dy.const_data_ptr<float>(), x.const_data_ptr<float>(),
                    weight.const_data_ptr<float>(), inverse.const_data_ptr<float>(),
                    dx.mutable_data_ptr<float>(), shares.mutable_data_ptr<float>() + part * width,
                    part * grain, std::min(rows, (part + 1) * grain), width);
            }
        });
        return {dx, shares.sum(0).view(weight.sizes()), at::Tensor()};
    }
};

at::Tensor rms_norm(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
    TORCH_CHECK(
        weight.dim() == 1 && x.dim() >= 1 && x.size(-1) == weight.numel() && weight.numel() > 0,
        "rows of ", x.sizes(), " do not fit a norm weight of ", weight.sizes());
    if (is_fused(x) && is_fused(weight) && weight.is_contiguous())
        return RMSNorm::apply(x, weight, epsilon);
    // Source: Hugging Face `MixtralRMSNorm`: statistics in FP32 at least, the weight last.
    const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
    const at::Tensor mean = wide.square().mean(-1, true);
    return weight * (wide * at::rsqrt(mean + epsilon)).to(x.scalar_type());
}

// Angles of [length, width / 2] as Hugging Face computes them, in FP32; kept between calls.
struct Angles {
    int64_t length = 0, width = 0;
    double theta = 0;
    std::vector<float> cosines, sines;

    static const Angles &shared(int64_t length, int64_t width, double theta) {
        thread_local Angles kept;
        if (kept.length < length || kept.width != width || kept.theta != theta)
            kept = Angles(length, width, theta);
        return kept;
    }

    Angles() = default;
    Angles(int64_t length, int64_t width, double theta)
        : length(length), width(width), theta(theta), cosines(size_t(length * width / 2)),
          sines(size_t(length * width / 2)) {
        for (int64_t i = 0; i < width / 2; ++i) {
            const float frequency =
                1.0f / std::pow(float(theta), float(2 * i) / float(width));
            for (int64_t position = 0; position < length; ++position) {
                const double angle = float(position) * frequency;
                cosines[size_t(position * (width / 2) + i)] = float(std::cos(angle));
                sines[size_t(position * (width / 2) + i)] = float(std::sin(angle));
            }
        }
    }
};

at::Tensor rotated(const at::Tensor &x, double theta, float direction) {
    const at::Tensor input = x.contiguous();
    const int64_t length = x.size(-3), heads = x.size(-2), width = x.size(-1);
    const Angles &angles = Angles::shared(length, width, theta);
    at::Tensor y = at::empty_like(input);
    const int64_t rows = input.numel() / std::max<int64_t>(heads * width, 1);
    at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
        rotate(
            input.const_data_ptr<float>(), angles.cosines.data(), angles.sines.data(),
            y.mutable_data_ptr<float>(), begin, end, length, heads, width, direction);
    });
    return y;
}

struct Rotary : Function<Rotary> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, double theta) {
        context->saved_data["theta"] = theta;
        return rotated(x, theta, 1);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const double theta = context->saved_data["theta"].toDouble();
        return {rotated(gradients[0], theta, -1), at::Tensor()};
    }
};

at::Tensor rotary(const at::Tensor &x, double theta) {
    TORCH_CHECK(
        x.dim() >= 3 && x.size(-1) > 0 && x.size(-1) % 2 == 0,
        "rotation needs [.., length, heads, headDim] with an even headDim, not ", x.sizes());
    TORCH_CHECK(theta > 0, "rotation needs a positive theta, not ", theta);
    if (is_fused(x)) return Rotary::apply(x, theta);
    const int64_t length = x.size(-3), half = x.size(-1) / 2;
    const Angles &angles = Angles::shared(length, x.size(-1), theta);
    const auto table = [&](const std::vector<float> &values) {
        at::Tensor host = at::empty({length, 1, half}, at::kFloat);
        std::copy_n(values.begin(), length * half, host.mutable_data_ptr<float>());
        return host.to(x.options());
    };
    const at::Tensor cosines = table(angles.cosines), sines = table(angles.sines);
    const at::Tensor first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
    return at::cat({first * cosines - second * sines, second * cosines + first * sines}, -1);
}

struct GatedSiLU : Function<GatedSiLU> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x) {
        const at::Tensor input = x.contiguous();
        const int64_t width = input.size(-1) / 2, rows = input.numel() / (2 * width);
        std::vector<int64_t> shape = input.sizes().vec();
        shape.back() = width;
        at::Tensor y = at::empty(shape, input.options());
        at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
            gated_silu_forward(
                input.const_data_ptr<float>(), y.mutable_data_ptr<float>(), begin, end, width);
        });
        context->save_for_backward({input});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const at::Tensor x = context->get_saved_variables()[0];
        const at::Tensor dy = gradients[0].contiguous();
        const int64_t width = x.size(-1) / 2, rows = x.numel() / (2 * width);
        at::Tensor dx = at::empty_like(x);
        at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
            gated_silu_backward(
                dy.const_data_ptr<float>(), x.const_data_ptr<float>(),
                dx.mutable_data_ptr<float>(), begin, end, width);
        });
        return {dx};
    }
};

at::Tensor gated_silu(const at::Tensor &x) {
    TORCH_CHECK(
        x.dim() >= 1 && x.size(-1) > 0 && x.size(-1) % 2 == 0,
        "a gated activation needs rows of even width, not ", x.sizes());
    if (is_fused(x)) return GatedSiLU::apply(x);
    const int64_t width = x.size(-1) / 2;
    return at::silu(x.narrow(-1, 0, width)) * x.narrow(-1, width, width);
}

apus_status tensor_attention(
    const apus_tensor *queries, const apus_tensor *keys, const apus_tensor *values, int32_t causal,
    apus_tensor **result, apus_error **error) {
    return making(result, error, [&] {
        const at::Tensor &q = queries->value, &k = keys->value, &v = values->value;
        TORCH_CHECK(
            q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && k.size(2) > 0 &&
                q.size(2) % k.size(2) == 0 && q.size(3) == k.size(3) && q.size(0) == k.size(0),
            "attention needs [batch, length, heads, headDim], not ", q.sizes(), ", ", k.sizes(),
            " and ", v.sizes());
        return at::scaled_dot_product_attention(
                   q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), {}, 0.0, causal != 0,
                   std::nullopt, q.size(2) != k.size(2))
            .transpose(1, 2);
    });
}

apus_status tensor_top_k(
    const apus_tensor *scores, int64_t top_k, apus_tensor **values, apus_tensor **indices,
    apus_error **error) {
    return guarded(error, [&] {
        auto [kept, places] = at::topk(scores->value, top_k, -1, true, true);
        auto first = std::make_unique<apus_tensor>(apus_tensor{std::move(kept)});
        *indices = new apus_tensor{std::move(places)};
        *values = first.release();
    });
}

}  // namespace

void install_operations(apus_engine &table) {
    table.tensor_add = [](auto *left, auto *right, auto **result, auto **error) {
        return making(result, error, [&] { return left->value + right->value; });
    };
    table.tensor_multiply = [](auto *left, auto *right, auto **result, auto **error) {
        return making(result, error, [&] { return left->value * right->value; });
    };
    table.tensor_divide = [](auto *left, auto *right, auto **result, auto **error) {
        return making(result, error, [&] { return left->value / right->value; });
    };
    table.tensor_sum_last = [](auto *tensor, auto **result, auto **error) {
        return making(result, error, [&] { return tensor->value.sum({-1}, true); });
    };
    table.tensor_rms_norm = [](auto *rows, auto *weight, double epsilon, auto **result,
                               auto **error) {
        return making(result, error, [&] { return rms_norm(rows->value, weight->value, epsilon); });
    };
    table.tensor_rotary = [](auto *heads, double theta, auto **result, auto **error) {
        return making(result, error, [&] { return rotary(heads->value, theta); });
    };
    table.tensor_gated_silu = [](auto *rows, auto **result, auto **error) {
        return making(result, error, [&] { return gated_silu(rows->value); });
    };
    table.tensor_softmax = [](auto *scores, auto **result, auto **error) {
        return making(result, error, [&] {
            const at::Tensor &x = scores->value;
            return at::softmax(x, -1, x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
        });
    };
    table.tensor_gather = [](auto *tensor, auto *indices, auto **result, auto **error) {
        return making(result, error, [&] { return tensor->value.gather(-1, indices->value); });
    };
    table.tensor_attention = tensor_attention;
    table.tensor_top_k = tensor_top_k;
}

}  // namespace apus
