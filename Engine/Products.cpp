// Products with weights, the embedding look-up, and where their weight gradients go.
#include "Shim.hpp"

namespace apus {

std::optional<at::Tensor> open_gradient(const at::Tensor &leaf) {
    if (!leaf.is_leaf() || !leaf.requires_grad()) return std::nullopt;
    const at::Tensor gradient = leaf.grad();
    if (!gradient.defined() || !gradient.is_contiguous()) return std::nullopt;
    return gradient;
}

namespace {

thread_local c10::intrusive_ptr<Postponed> recording;

}  // namespace

void begin_recording() { recording = c10::make_intrusive<Postponed>(); }

c10::intrusive_ptr<Postponed> latest_recording() {
    if (!recording) begin_recording();
    return recording;
}

void note_recording(torch::autograd::AutogradContext *context) {
    context->saved_data["recording"] = c10::IValue::make_capsule(latest_recording());
}

void add_to_weight(torch::autograd::AutogradContext *context, std::function<void()> product) {
    const auto holder = context->saved_data["recording"].toCapsule();
    auto &postponed = static_cast<Postponed &>(*holder);
    if (postponed.is_wanted)
        postponed.products.push_back(std::move(product));
    else
        product();
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// y[r] = x[r] · weights[g]ᵀ for each group g of consecutive rows.
//
// A group without rows costs nothing and its weight's gradient is exactly zero.
struct GroupedLinear : Function<GroupedLinear> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &weights,
        const std::vector<int64_t> &counts) {
        at::Tensor y = at::empty({x.size(0), weights.size(-2)}, x.options());
        each_group(weights, counts, [&](const at::Tensor &weight, int64_t at, int64_t n) {
            at::Tensor rows = y.narrow(0, at, n);
            at::mm_out(rows, x.narrow(0, at, n), weight.t());
        });
        context->save_for_backward({x, weights});
        context->saved_data["counts"] = counts;
        note_recording(context);
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weights = saved[1];
        const at::Tensor dy = gradients[0].contiguous();
        const std::vector<int64_t> counts = context->saved_data["counts"].toIntVector();
        at::Tensor dx;
        if (context->needs_input_grad(0)) {
            dx = at::empty_like(x, at::MemoryFormat::Contiguous);
            each_group(weights, counts, [&](const at::Tensor &weight, int64_t at, int64_t n) {
                at::Tensor rows = dx.narrow(0, at, n);
                at::mm_out(rows, dy.narrow(0, at, n), weight);
            });
        }
        at::Tensor dweights;
        if (context->needs_input_grad(1)) {
            const std::optional<at::Tensor> open = open_gradient(weights);
            at::Tensor sums = open ? *open : at::zeros_like(weights, at::MemoryFormat::Contiguous);
            const auto add = [sums, counts, dy, x] {
                each_group(sums, counts, [&](at::Tensor sum, int64_t at, int64_t n) {
                    sum.addmm_(dy.narrow(0, at, n).t(), x.narrow(0, at, n));
                });
            };
            if (open) {
                add_to_weight(context, add);
            } else {
                add();
                dweights = sums;
            }
        }
        return {dx, dweights, at::Tensor()};
    }

private:
    template <typename Body>
    static void each_group(
        const at::Tensor &weights, const std::vector<int64_t> &counts, Body body) {
        int64_t at = 0;
        for (size_t group = 0; group < counts.size(); ++group) {
            const int64_t count = counts[group];
            if (count > 0)
                body(weights.dim() == 3 ? weights.select(0, int64_t(group)) : weights, at, count);
            at += count;
        }
    }
};

at::Tensor linear_rows(const at::Tensor &x, const at::Tensor &weight) {
    TORCH_CHECK(
        weight.dim() == 2 && x.dim() >= 1 && x.size(-1) == weight.size(1), "rows of ", x.sizes(),
        " do not fit a weight of ", weight.sizes());
    TORCH_CHECK(
        x.scalar_type() == weight.scalar_type(), "rows are ", x.scalar_type(), ", the weight is ",
        weight.scalar_type());
    std::vector<int64_t> shape = x.sizes().vec();
    shape.back() = weight.size(0);
    const at::Tensor rows = x.reshape({-1, weight.size(1)});
    return GroupedLinear::apply(rows, weight, std::vector<int64_t>{rows.size(0)}).view(shape);
}

at::Tensor grouped_linear(
    const at::Tensor &x, const at::Tensor &weights, const std::vector<int64_t> &counts) {
    TORCH_CHECK(
        weights.dim() == 3 && x.dim() == 2 && x.size(1) == weights.size(2), "rows of ", x.sizes(),
        " do not fit expert weights of ", weights.sizes());
    TORCH_CHECK(
        int64_t(counts.size()) == weights.size(0), counts.size(), " counts for ", weights.size(0),
        " experts");
    int64_t total = 0;
    for (const int64_t count : counts) {
        TORCH_CHECK(count >= 0 && count <= x.size(0), "an expert cannot have ", count, " rows");
        total += count;
    }
    TORCH_CHECK(total == x.size(0), "counts add up to ", total, ", rows are ", x.size(0));
    TORCH_CHECK(
        x.scalar_type() == weights.scalar_type(), "rows are ", x.scalar_type(), ", weights are ",
        weights.scalar_type());
    return GroupedLinear::apply(x.contiguous(), weights, counts);
}

// y[t] = weight[tokens[t]]; the gradient is added row by row in the order of the tokens.
struct Embedding : Function<Embedding> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &weight, const at::Tensor &tokens) {
        context->save_for_backward({weight, tokens});
        return weight.index_select(0, tokens.reshape({-1}));
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor &weight = saved[0];
        const at::Tensor tokens = saved[1].reshape({-1}).contiguous();
        const at::Tensor dy = gradients[0].contiguous();
        const std::optional<at::Tensor> open = open_gradient(weight);
        at::Tensor sums = open ? *open : at::zeros_like(weight, at::MemoryFormat::Contiguous);
        if (is_fused(sums) && is_fused(dy)) {
            const int64_t width = weight.size(1);
            const int64_t *token = tokens.const_data_ptr<int64_t>();
            for (int64_t row = 0; row < tokens.numel(); ++row) {
                float *sum = sums.mutable_data_ptr<float>() + token[row] * width;
                const float *addend = dy.const_data_ptr<float>() + row * width;
                for (int64_t i = 0; i < width; ++i) sum[i] += addend[i];
            }
        } else {
            sums.add_(at::embedding_dense_backward(dy, tokens, weight.size(0), -1, false));
        }
        return {open ? at::Tensor() : sums, at::Tensor()};
    }
};

at::Tensor looked_up(const at::Tensor &weight, const at::Tensor &tokens) {
    TORCH_CHECK(
        weight.dim() == 2 && tokens.scalar_type() == at::kLong,
        "a look-up needs a weight of [vocab, hidden] and int64 tokens, not ", weight.sizes(),
        " and ", tokens.scalar_type());
    std::vector<int64_t> shape = tokens.sizes().vec();
    shape.push_back(weight.size(1));
    return Embedding::apply(weight, tokens).view(shape);
}

}  // namespace

void install_products(apus_engine &table) {
    table.tensor_linear = [](auto *rows, auto *weight, auto **result, auto **error) {
        return making(result, error, [&] { return linear_rows(rows->value, weight->value); });
    };
    table.tensor_grouped_linear = [](auto *rows, auto *weights, const int64_t *counts,
                                     int64_t groups, auto **result, auto **error) {
        return making(result, error, [&] {
            return grouped_linear(
                rows->value, weights->value, std::vector<int64_t>(counts, counts + groups));
        });
    };
    table.tensor_embedding = [](auto *weight, auto *tokens, auto **result, auto **error) {
        return making(result, error, [&] { return looked_up(weight->value, tokens->value); });
    };
}

}  // namespace apus
