// Routing: sorting assignments by expert, and moving rows there and back.
//
// An assignment is `token * topK + choice`; `order` lists all of them, sorted by expert. Every
// backward is a gather, so that gradients are added in one order only.
#include "Shim.hpp"

namespace apus {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

at::Tensor inverse_of(const at::Tensor &order) {
    at::Tensor inverse = at::empty_like(order);
    inverse.scatter_(0, order, at::arange(order.numel(), order.options()));
    return inverse;
}

void check_order(const at::Tensor &order, int64_t assignments) {
    TORCH_CHECK(
        order.dim() == 1 && order.scalar_type() == at::kLong && order.numel() == assignments,
        "an order of ", order.sizes(), " ", order.scalar_type(), " for ", assignments,
        " assignments");
    if (!order.is_cpu()) return;
    const at::Tensor places = order.contiguous();
    std::vector<bool> seen(size_t(assignments), false);
    for (int64_t i = 0; i < assignments; ++i) {
        const int64_t place = places.const_data_ptr<int64_t>()[i];
        TORCH_CHECK(
            place >= 0 && place < assignments && !seen[size_t(place)],
            "the order is no permutation: ", place, " at ", i);
        seen[size_t(place)] = true;
    }
}

struct Spread : Function<Spread> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &order, int64_t top_k) {
        context->save_for_backward({order});
        context->saved_data["top_k"] = top_k;
        return x.index_select(0, top_k == 1 ? order : order.floor_divide(top_k));
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const at::Tensor order = context->get_saved_variables()[0];
        const int64_t top_k = context->saved_data["top_k"].toInt();
        at::Tensor dx = gradients[0].index_select(0, inverse_of(order));
        if (top_k > 1)
            dx = dx.view({order.numel() / top_k, top_k, dx.size(1)}).sum(1);
        return {dx, at::Tensor(), at::Tensor()};
    }
};

at::Tensor spread(const at::Tensor &x, const at::Tensor &order, int64_t top_k) {
    TORCH_CHECK(x.dim() == 2 && top_k >= 1, "spreading needs [tokens, hidden] rows, not ", x.sizes());
    check_order(order, x.size(0) * top_k);
    return Spread::apply(x, order, top_k);
}

struct Merge : Function<Merge> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &rows, const at::Tensor &weights,
        const at::Tensor &order) {
        const at::Tensor inverse = inverse_of(order);
        context->save_for_backward({rows, weights, order, inverse});
        at::Tensor sum;
        for (int64_t choice = 0; choice < weights.size(1); ++choice) {
            const at::Tensor chosen = picked(rows, inverse, weights, choice)
                                          .mul_(weights.narrow(1, choice, 1).to(rows.scalar_type()));
            sum = choice == 0 ? chosen : sum.add_(chosen);
        }
        return sum;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor &rows = saved[0], &weights = saved[1], &order = saved[2];
        const at::Tensor dy = gradients[0].contiguous();
        at::Tensor drows, dweights;
        if (context->needs_input_grad(0)) {
            const at::Tensor share = weights.reshape({-1}).index_select(0, order);
            drows = dy.index_select(0, order.floor_divide(weights.size(1)))
                        .mul_(share.to(dy.scalar_type()).unsqueeze(1));
        }
        if (context->needs_input_grad(1)) {
            dweights = at::empty_like(weights, at::MemoryFormat::Contiguous);
            for (int64_t choice = 0; choice < weights.size(1); ++choice) {
                const at::Tensor chosen = picked(rows, saved[3], weights, choice);
                dweights.select(1, choice).copy_(chosen.mul_(dy).sum(1));
            }
        }
        return {drows, dweights, at::Tensor()};
    }

private:
    // The rows of each token's choice, [tokens, hidden].
    static at::Tensor picked(
        const at::Tensor &rows, const at::Tensor &inverse, const at::Tensor &weights,
        int64_t choice) {
        return rows.index_select(0, inverse.view(weights.sizes()).select(1, choice));
    }
};

at::Tensor merge(const at::Tensor &rows, const at::Tensor &weights, const at::Tensor &order) {
    TORCH_CHECK(
        rows.dim() == 2 && weights.dim() == 2 && rows.size(0) == weights.numel() &&
            weights.size(1) >= 1,
        "merging rows of ", rows.sizes(), " with weights of ", weights.sizes());
    check_order(order, rows.size(0));
    return Merge::apply(rows, weights, order);
}

apus_status routing_sort(
    const apus_tensor *indices, int64_t experts, apus_tensor **order, int64_t *counts,
    apus_error **error) {
    return guarded(error, [&] {
        const at::Tensor &given = indices->value;
        TORCH_CHECK(
            given.scalar_type() == at::kLong, "experts are chosen by int64 indices, not ",
            given.scalar_type());
        TORCH_CHECK(experts >= 1, "there are ", experts, " experts to choose from");
        const at::Tensor chosen = given.detach().to(at::kCPU).contiguous();
        const int64_t *expert = chosen.const_data_ptr<int64_t>();
        std::vector<int64_t> starts(size_t(experts) + 1, 0);
        for (int64_t i = 0; i < chosen.numel(); ++i) {
            TORCH_CHECK(
                expert[i] >= 0 && expert[i] < experts, "expert ", expert[i], " is not one of ",
                experts);
            ++starts[size_t(expert[i]) + 1];
        }
        for (size_t i = 0; i < size_t(experts); ++i) {
            counts[i] = starts[i + 1];
            starts[i + 1] += starts[i];
        }
        at::Tensor sorted = at::empty({chosen.numel()}, at::kLong);
        int64_t *place = sorted.mutable_data_ptr<int64_t>();
        for (int64_t i = 0; i < chosen.numel(); ++i) place[starts[size_t(expert[i])]++] = i;
        *order = new apus_tensor{sorted.to(given.device())};
    });
}

}  // namespace

void install_rows(apus_engine &table) {
    table.routing_sort = routing_sort;
    table.rows_spread = [](auto *rows, auto *order, int64_t top_k, auto **result, auto **error) {
        return making(result, error, [&] { return spread(rows->value, order->value, top_k); });
    };
    table.rows_merge = [](auto *rows, auto *weights, auto *order, auto **result, auto **error) {
        return making(
            result, error, [&] { return merge(rows->value, weights->value, order->value); });
    };
    table.rows_permute = [](auto *rows, auto *order, auto **result, auto **error) {
        return making(result, error, [&] { return spread(rows->value, order->value, 1); });
    };
}

}  // namespace apus
