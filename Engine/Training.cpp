// Lists, graphs of islands, and the optimizer.
#include "Kernels.hpp"
#include "Shim.hpp"

// The state an island keeps until its backward: where gradients enter and which leaves they reach.
//
// It holds no output tensor, so that an output's storage may go as soon as it was sent.
struct apus_graph {
    torch::autograd::edge_list outputs;
    std::vector<at::Tensor> inputs;
    // Of the recording that made the outputs: the latest one on the thread when it was created.
    c10::intrusive_ptr<apus::Postponed> postponed;
};

namespace apus {
namespace {

using torch::autograd::Engine;

apus_status graph_create(
    const apus_list *outputs, const apus_list *inputs, apus_graph **result, apus_error **error) {
    return guarded(error, [&] {
        auto graph = std::make_unique<apus_graph>();
        graph->postponed = latest_recording();
        for (const at::Tensor &output : outputs->values) {
            torch::autograd::Edge edge;
            if (output.defined() && output.requires_grad())
                edge = torch::autograd::impl::gradient_edge(output);
            graph->outputs.push_back(std::move(edge));
        }
        for (const at::Tensor &input : inputs->values) {
            TORCH_CHECK(
                input.defined() && input.is_leaf() && input.requires_grad(),
                "input ", graph->inputs.size(), " is no leaf that requires a gradient");
            graph->inputs.push_back(input);
        }
        *result = graph.release();
    });
}

apus_status graph_backward(
    apus_graph *graph, const apus_list *output_gradients, int32_t postpones_weights,
    apus_list **result, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(
            output_gradients->values.size() == graph->outputs.size(),
            output_gradients->values.size(), " gradients for ", graph->outputs.size(), " outputs");
        graph->postponed->is_wanted = postpones_weights != 0;
        torch::autograd::edge_list roots;
        torch::autograd::variable_list gradients;
        for (size_t i = 0; i < graph->outputs.size(); ++i) {
            const at::Tensor &gradient = output_gradients->values[i];
            if (!gradient.defined() || !graph->outputs[i].is_valid()) continue;
            roots.push_back(graph->outputs[i]);
            gradients.push_back(gradient.detach());
        }
        if (!roots.empty())
            Engine::get_default_engine().execute(roots, gradients, false, false, true);
        auto list = std::make_unique<apus_list>();
        for (at::Tensor &input : graph->inputs) {
            at::Tensor taken = std::exchange(input.mutable_grad(), at::Tensor());
            list->values.push_back(taken.defined() ? taken : at::zeros_like(input));
        }
        *result = list.release();
    });
}

apus_status graph_backward_weights(apus_graph *graph, apus_error **error) {
    return guarded(error, [&] {
        const at::NoGradGuard guard;
        // Each product's tensors go as soon as it is done.
        auto products = std::exchange(graph->postponed->products, {});
        for (auto &product : products) std::exchange(product, nullptr)();
    });
}

apus_status list_adamw(
    const apus_list *parameters, const apus_list *gradients, const apus_list *averages,
    const apus_list *square_averages, int64_t step, double learning_rate, double beta1,
    double beta2, double epsilon, double weight_decay, double gradient_divisor,
    apus_error **error) {
    return guarded(error, [&] {
        const size_t count = parameters->values.size();
        TORCH_CHECK(
            gradients->values.size() == count && averages->values.size() == count &&
                square_averages->values.size() == count,
            "the optimizer needs as many gradients and averages as its ", count, " parameters");
        TORCH_CHECK(step >= 1, "optimizer steps count from 1, not ", step);
        if (count == 0) return;
        std::vector<at::Tensor> leaves;
        for (const at::Tensor &parameter : parameters->values) leaves.push_back(parameter.detach());
        const at::TensorOptions options = leaves[0].options().dtype(at::kFloat);
        const std::vector<at::Tensor> steps(count, at::full({}, double(step), options));
        std::optional<at::Tensor> divisor;
        if (gradient_divisor != 1) divisor = at::full({}, gradient_divisor, options);
        at::_fused_adamw_(
            leaves, gradients->values, averages->values, square_averages->values, {}, steps,
            learning_rate, beta1, beta2, weight_decay, epsilon, false, false, divisor, {});
    });
}

// FP64 sums over blocks of one size, added in order: the same for any number of threads.
double sum_of(const at::Tensor &tensor) {
    if (!is_fused(tensor) || !tensor.is_contiguous())
        return tensor.detach().to(at::kDouble).square().sum().item<double>();
    constexpr int64_t block = 1 << 16;
    const int64_t count = tensor.numel(), blocks = (count + block - 1) / block;
    const float *values = tensor.const_data_ptr<float>();
    std::vector<double> sums(static_cast<size_t>(blocks));
    at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const int64_t start = i * block;
            sums[size_t(i)] = sum_of_squares(values + start, std::min(block, count - start));
        }
    });
    double total = 0;
    for (const double sum : sums) total += sum;
    return total;
}

apus_status list_sums_of_squares(const apus_list *list, double *sums, apus_error **error) {
    return guarded(error, [&] {
        for (size_t i = 0; i < list->values.size(); ++i) {
            TORCH_CHECK(list->values[i].defined(), "element ", i, " is absent");
            sums[i] = sum_of(list->values[i]);
        }
    });
}

apus_status list_get(
    const apus_list *list, int64_t index, apus_tensor **result, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(
            index >= 0 && index < int64_t(list->values.size()), "element ", index, " of a list of ",
            list->values.size());
        const at::Tensor &value = list->values[size_t(index)];
        *result = value.defined() ? new apus_tensor{value} : nullptr;
    });
}

}  // namespace

void install_training(apus_engine &table) {
    table.list_create = [](apus_list **result, apus_error **error) {
        return guarded(error, [&] { *result = new apus_list(); });
    };
    table.list_append = [](apus_list *list, const apus_tensor *tensor, apus_error **error) {
        return guarded(error, [&] {
            list->values.push_back(tensor == nullptr ? at::Tensor() : tensor->value);
        });
    };
    table.list_count = [](const apus_list *list) { return int64_t(list->values.size()); };
    table.list_get = list_get;
    table.list_destroy = [](apus_list *list) { delete list; };
    table.graph_create = graph_create;
    table.graph_backward = graph_backward;
    table.graph_backward_weights = graph_backward_weights;
    table.graph_destroy = [](apus_graph *graph) { delete graph; };
    table.list_adamw = list_adamw;
    table.list_sums_of_squares = list_sums_of_squares;
}

}  // namespace apus
