// Stores and process groups of c10d: NCCL between GPUs; between CPUs memory on one host, else Gloo.
#include "SharedGroup.hpp"
#include "Shim.hpp"

#include <cmath>
#include <cstdlib>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#ifdef APUS_CUDA
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

struct apus_store {
    c10::intrusive_ptr<c10d::Store> value;
    int32_t port;
};
struct apus_group {
    c10::intrusive_ptr<c10d::Backend> value;
    int32_t device;
};
struct apus_work {
    c10::intrusive_ptr<c10d::Work> value;
    std::vector<at::Tensor> kept;
};

namespace apus {
namespace {

std::chrono::milliseconds timeout_of(double seconds) {
    TORCH_CHECK(
        seconds > 0 && seconds <= 1e6, "a timeout of ", seconds, " s is not between 0 and 1e6");
    return std::chrono::milliseconds(int64_t(std::ceil(seconds * 1000)));
}

apus_status open_store(
    const char *host, int32_t port, int32_t listen_descriptor, bool serves, int64_t world_size,
    double timeout_seconds, apus_store **result, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(port >= 0 && port <= 65535, "port ", port, " does not exist");
        TORCH_CHECK(world_size >= 1, "a world of ", world_size, " ranks");
        c10d::TCPStoreOptions options;
        options.port = uint16_t(port);
        options.isServer = serves;
        options.numWorkers = size_t(world_size);
        options.waitWorkers = false;
        options.timeout = timeout_of(timeout_seconds);
        if (listen_descriptor >= 0) options.masterListenFd = listen_descriptor;
        auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
        const int32_t opened = store->getPort();
        *result = new apus_store{std::move(store), opened};
    });
}

apus_status store_serve(
    const char *host, int32_t port, int32_t listen_descriptor, int64_t world_size,
    double timeout_seconds, apus_store **result, apus_error **error) {
    return open_store(
        host, port, listen_descriptor, true, world_size, timeout_seconds, result, error);
}

apus_status store_connect(
    const char *host, int32_t port, int64_t world_size, double timeout_seconds, apus_store **result,
    apus_error **error) {
    return open_store(host, port, -1, false, world_size, timeout_seconds, result, error);
}

apus_status store_in_process(double timeout_seconds, apus_store **result, apus_error **error) {
    return guarded(error, [&] {
        auto store = c10::make_intrusive<c10d::HashStore>();
        store->setTimeout(timeout_of(timeout_seconds));
        *result = new apus_store{std::move(store), 0};
    });
}

apus_status store_set(
    const apus_store *store, const char *key, const char *value, int64_t value_bytes,
    apus_error **error) {
    return guarded(error, [&] {
        store->value->set(key, std::vector<uint8_t>(value, value + value_bytes));
    });
}

apus_status store_get(
    const apus_store *store, const char *key, char **value, int64_t *value_bytes,
    apus_error **error) {
    return guarded(error, [&] {
        const std::vector<uint8_t> read = store->value->get(key);
        char *copy = static_cast<char *>(std::malloc(read.size() + 1));
        TORCH_CHECK(copy != nullptr, "no memory for a value of ", read.size(), " bytes");
        std::copy(read.begin(), read.end(), copy);
        *value_bytes = int64_t(read.size());
        *value = copy;
    });
}

apus_status store_add(
    const apus_store *store, const char *key, int64_t amount, int64_t *sum, apus_error **error) {
    return guarded(error, [&] { *sum = store->value->add(key, amount); });
}

apus_status group_create(
    const apus_store *store, const char *prefix, int64_t rank, int64_t size, double timeout_seconds,
    const char *host, int32_t device, apus_group **result, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(
            size >= 1 && rank >= 0 && rank < size, "rank ", rank, " of a group of ", size);
        const auto named = c10::make_intrusive<c10d::PrefixStore>(prefix, store->value);
        const std::chrono::milliseconds timeout = timeout_of(timeout_seconds);
        if (device >= 0) {
#ifdef APUS_CUDA
            auto options = c10d::ProcessGroupNCCL::Options::create();
            options->timeout = timeout;
            *result = new apus_group{
                c10::make_intrusive<c10d::ProcessGroupNCCL>(
                    named, int(rank), int(size), options),
                device};
            return;
#else
            TORCH_CHECK(false, "this engine was built without CUDA");
#endif
        }
        if (auto shared = join_shared_group(named, int(rank), int(size), timeout)) {
            *result = new apus_group{std::move(shared), device};
            return;
        }
        // One worker thread runs a group's collectives first in, first out, as NCCL does.
        auto options = c10d::ProcessGroupGloo::Options::create(timeout);
        options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(host)};
        options->threads = 1;
        *result = new apus_group{
            c10::make_intrusive<c10d::ProcessGroupGloo>(
                named, int(rank), int(size), std::move(options)),
            device};
    });
}

// Starts a collective on `tensor`, which autograd does not see and which lives until it is done.
template <typename Body>
apus_status started(
    const at::Tensor &tensor, apus_work **result, apus_error **error, Body body) noexcept {
    return guarded(error, [&] {
        TORCH_CHECK(
            tensor.is_contiguous(), "a tensor of ", tensor.sizes(),
            " must be contiguous to be communicated");
        std::vector<at::Tensor> kept{tensor.detach()};
        c10::intrusive_ptr<c10d::Work> work = body(kept);
        *result = new apus_work{std::move(work), std::move(kept)};
    });
}

void check_splits(const at::Tensor &tensor, const std::vector<int64_t> &splits, const char *side) {
    int64_t total = 0;
    for (const int64_t split : splits) {
        TORCH_CHECK(split >= 0, "an ", side, " split of ", split);
        total += split;
    }
    TORCH_CHECK(
        tensor.dim() >= 1 && tensor.size(0) == total, side, " splits add up to ", total,
        ", the tensor is ", tensor.sizes());
    TORCH_CHECK(tensor.is_contiguous(), "the ", side, " of ", tensor.sizes(), " is not contiguous");
}

// A mismatch inside one rank corrupts silently in Gloo, so it is refused here.
apus_status group_all_to_all(
    const apus_group *group, const apus_tensor *output, const apus_tensor *input,
    const int64_t *output_splits, const int64_t *input_splits, int64_t splits, apus_work **result,
    apus_error **error) {
    return guarded(error, [&] {
        std::vector<int64_t> outgoing(input_splits, input_splits + splits);
        std::vector<int64_t> incoming(output_splits, output_splits + splits);
        at::Tensor target = output->value.detach(), source = input->value.detach();
        TORCH_CHECK(
            splits == group->value->getSize(), splits, " splits for a group of ",
            group->value->getSize());
        check_splits(target, incoming, "output");
        check_splits(source, outgoing, "input");
        TORCH_CHECK(
            target.sizes().slice(1) == source.sizes().slice(1) &&
                target.scalar_type() == source.scalar_type(),
            "rows of ", source.sizes(), " ", source.scalar_type(), " cannot arrive in ",
            target.sizes(), " ", target.scalar_type());
        auto work = group->value->alltoall_base(target, source, incoming, outgoing);
        *result = new apus_work{std::move(work), {target, source}};
    });
}

}  // namespace

void install_collectives(apus_engine &table) {
    table.store_serve = store_serve;
    table.store_connect = store_connect;
    table.store_in_process = store_in_process;
    table.store_set = store_set;
    table.store_get = store_get;
    table.store_add = store_add;
    table.store_port = [](const apus_store *store) { return store->port; };
    table.store_destroy = [](apus_store *store) { delete store; };
    table.group_create = group_create;
    table.group_all_to_all = group_all_to_all;
    table.group_all_reduce = [](auto *group, auto *tensor, auto **result, auto **error) {
        return started(tensor->value, result, error, [&](auto &kept) {
            return group->value->allreduce(kept);
        });
    };
    table.group_send = [](auto *group, auto *tensor, int64_t peer, int64_t tag, auto **result,
                          auto **error) {
        return started(tensor->value, result, error, [&](auto &kept) {
            return group->value->send(kept, int(peer), int(tag));
        });
    };
    table.group_receive = [](auto *group, auto *tensor, int64_t peer, int64_t tag, auto **result,
                             auto **error) {
        return started(tensor->value, result, error, [&](auto &kept) {
            return group->value->recv(kept, int(peer), int(tag));
        });
    };
    table.group_broadcast = [](auto *group, auto *tensor, int64_t root, auto **result,
                               auto **error) {
        return started(tensor->value, result, error, [&](auto &kept) {
            c10d::BroadcastOptions options;
            options.rootRank = root;
            return group->value->broadcast(kept, options);
        });
    };
    table.group_barrier = [](auto *group, auto **result, auto **error) {
        return guarded(error, [&] {
            c10d::BarrierOptions options;
            if (group->device >= 0) options.device_ids = {group->device};
            *result = new apus_work{group->value->barrier(options), {}};
        });
    };
    table.group_destroy = [](apus_group *group) { delete group; };
    table.work_wait = [](apus_work *work, apus_error **error) {
        return guarded(error, [&] { work->value->wait(); });
    };
    table.work_destroy = [](apus_work *work) { delete work; };
}

}  // namespace apus
