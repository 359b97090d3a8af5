// The head: logits and cross-entropy in chunks of tokens, so that the logits never exist at once.
#include "Shim.hpp"

namespace apus {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// loss = scale · Σ cross-entropy(hidden · weightᵀ, targets).
//
// The forward pass also computes the gradients, since it holds the logits anyway. For the weight's
// it keeps the smaller of two: the logits' gradient [tokens, vocab], multiplied out in backward,
// or the finished sum [vocab, hidden].
struct HeadLoss : Function<HeadLoss> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &hidden, const at::Tensor &weight,
        const at::Tensor &targets, double scale, int64_t chunks, bool wants_gradients) {
        const int64_t tokens = hidden.size(0);
        const bool sums_now = tokens > hidden.size(1);
        const bool wants_weight = wants_gradients && weight.requires_grad();
        at::Tensor dhidden, dlogits, dweight;
        if (wants_gradients) dhidden = at::empty_like(hidden);
        if (wants_weight && sums_now) dweight = at::zeros_like(weight);
        if (wants_weight && !sums_now)
            dlogits = at::empty({tokens, weight.size(0)}, hidden.options());
        at::Tensor loss = at::zeros({}, hidden.options().dtype(at::kDouble));
        const int64_t step = std::max<int64_t>(1, (tokens + chunks - 1) / chunks);
        for (int64_t start = 0; start < tokens; start += step) {
            const int64_t count = std::min(step, tokens - start);
            const at::Tensor rows = hidden.narrow(0, start, count);
            const at::Tensor places = targets.narrow(0, start, count).unsqueeze(1);
            at::Tensor scores = at::mm(rows, weight.t());
            if (scores.scalar_type() != at::kDouble) scores = scores.to(at::kFloat);
            scores = at::log_softmax(scores, 1);
            loss -= scores.gather(1, places).to(at::kDouble).sum();
            if (!wants_gradients) continue;
            scores.exp_();
            scores.scatter_add_(1, places, at::full(places.sizes(), -1, scores.options()));
            at::Tensor slope = scores.mul_(scale).to(hidden.scalar_type());
            at::Tensor into = dhidden.narrow(0, start, count);
            at::mm_out(into, slope, weight);
            if (dlogits.defined()) dlogits.narrow(0, start, count).copy_(slope);
            if (dweight.defined()) dweight.addmm_(slope.t(), rows);
        }
        if (wants_gradients)
            context->save_for_backward({hidden, weight, dhidden, dlogits, dweight});
        note_recording(context);
        loss *= scale;
        return hidden.scalar_type() == at::kDouble ? loss : loss.to(at::kFloat);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor &hidden = saved[0], &weight = saved[1];
        at::Tensor dhidden = saved[2], dlogits = saved[3], dweight = saved[4];
        const double factor = gradients[0].item<double>();
        at::Tensor sums;
        if (dlogits.defined()) {
            const std::optional<at::Tensor> open = open_gradient(weight);
            sums = open ? *open : at::zeros_like(weight);
            const auto add = [sums, dlogits, hidden, factor] {
                at::Tensor(sums).addmm_(dlogits.t(), hidden, 1, factor);
            };
            if (open) {
                add_to_weight(context, add);
                sums = at::Tensor();
            } else {
                add();
            }
        } else if (dweight.defined()) {
            const std::optional<at::Tensor> open = open_gradient(weight);
            if (open)
                add_to_weight(context, [sum = *open, dweight, factor] {
                    at::Tensor(sum).add_(dweight, factor);
                });
            else
                sums = factor == 1 ? dweight : dweight * factor;
        }
        if (factor != 1) dhidden = dhidden * factor;
        return {dhidden, sums, {}, {}, {}, {}};
    }
};

at::Tensor head_loss(
    const at::Tensor &hidden, const at::Tensor &weight, const at::Tensor &targets, double scale,
    int64_t chunks) {
    TORCH_CHECK(
        hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1),
        "hidden states of ", hidden.sizes(), " do not fit a head of ", weight.sizes());
    TORCH_CHECK(
        targets.dim() == 1 && targets.numel() == hidden.size(0) &&
            targets.scalar_type() == at::kLong,
        "targets of ", targets.sizes(), " ", targets.scalar_type(), " for ", hidden.size(0),
        " tokens");
    TORCH_CHECK(
        hidden.scalar_type() == weight.scalar_type(), "hidden states are ", hidden.scalar_type(),
        ", the head is ", weight.scalar_type());
    TORCH_CHECK(chunks >= 1, "the head is computed in ", chunks, " chunks");
    const bool wants_gradients =
        at::GradMode::is_enabled() && (hidden.requires_grad() || weight.requires_grad());
    return HeadLoss::apply(
        hidden.contiguous(), weight, targets.contiguous(), scale, chunks, wants_gradients);
}

}  // namespace

void install_head(apus_engine &table) {
    table.tensor_head_loss = [](auto *hidden, auto *weight, auto *targets, double scale,
                                int64_t chunks, auto **result, auto **error) {
        return making(result, error, [&] {
            return head_loss(hidden->value, weight->value, targets->value, scale, chunks);
        });
    };
}

}  // namespace apus
