#include "SharedGroup.hpp"

#include "SharedSums.hpp"
#include "Shim.hpp"

namespace apus {
namespace {

using std::chrono::milliseconds;

// A communication whose rest is done at its wait.
class SharedWork final : public c10d::Work {
  public:
    explicit SharedWork(std::function<void()> finish) : finish_(std::move(finish)) {}

    bool wait(milliseconds) override {
        if (finish_) std::exchange(finish_, nullptr)();
        return true;
    }

    bool isCompleted() override { return !finish_; }

  private:
    std::function<void()> finish_;
};

c10::intrusive_ptr<c10d::Work> later(std::function<void()> finish) {
    return c10::make_intrusive<SharedWork>(std::move(finish));
}

class SharedGroup final : public c10d::Backend {
  public:
    explicit SharedGroup(Exchange exchange)
        : Backend(exchange.rank(), exchange.size()), exchange_(std::move(exchange)) {}

    const std::string getBackendName() const override { return "shared memory"; }

    c10::intrusive_ptr<c10d::Work> allreduce(
        std::vector<at::Tensor> &tensors, const c10d::AllreduceOptions &) override {
        const at::Tensor tensor = tensors.at(0);
        const uint64_t number = exchange_.post(all_reduce, tensor);
        return later([this, tensor, number] { sum(tensor, number); });
    }

    c10::intrusive_ptr<c10d::Work> alltoall_base(
        at::Tensor &output, at::Tensor &input, std::vector<int64_t> &incoming,
        std::vector<int64_t> &outgoing, const c10d::AllToAllOptions &) override {
        const uint64_t number = exchange_.post(all_to_all, input, outgoing);
        return later([this, target = output, incoming, number] {
            collect(target, incoming, number);
        });
    }

    c10::intrusive_ptr<c10d::Work> broadcast(
        std::vector<at::Tensor> &tensors, const c10d::BroadcastOptions &options) override {
        const at::Tensor tensor = tensors.at(0);
        const int root = int(options.rootRank);
        TORCH_CHECK(root >= 0 && root < getSize(), "a broadcast from rank ", root);
        const bool sends = root == getRank();
        const uint64_t number = exchange_.post(
            Operation::broadcast, sends ? tensor : tensor.new_empty({0}));
        return later([this, tensor, root, sends, number] {
            exchange_.arrive(number, Operation::broadcast);
            if (!sends) {
                const Posting &posting = exchange_.collective(root, number);
                Exchange::check(root, posting, tensor);
                exchange_.copy(tensor.data_ptr(), root, posting, 0, posting.bytes);
            }
            exchange_.leave(number);
        });
    }

    c10::intrusive_ptr<c10d::Work> barrier(const c10d::BarrierOptions &) override {
        const uint64_t number = exchange_.post(Operation::barrier, at::empty({0}));
        return later([this, number] {
            exchange_.arrive(number, Operation::barrier);
            exchange_.leave(number);
        });
    }

    c10::intrusive_ptr<c10d::Work> send(
        std::vector<at::Tensor> &tensors, int receiver, int tag) override {
        check_peer(receiver);
        exchange_.send(tensors.at(0), receiver, tag);
        return later(nullptr);
    }

    c10::intrusive_ptr<c10d::Work> recv(
        std::vector<at::Tensor> &tensors, int sender, int tag) override {
        check_peer(sender);
        return later([this, tensor = tensors.at(0), sender, tag] {
            exchange_.receive(tensor, sender, tag);
        });
    }

  private:
    void check_peer(int peer) const {
        TORCH_CHECK(
            peer >= 0 && peer < getSize() && peer != getRank(), "a message between rank ",
            getRank(), " and rank ", peer, " of a group of ", getSize());
    }

    void sum(const at::Tensor &tensor, uint64_t number) {
        exchange_.arrive(number, all_reduce);
        const auto bytes = uint64_t(tensor.nbytes());
        std::vector<const void *> sources;
        for (int rank = 0; rank < getSize(); ++rank) {
            const Posting &posting = exchange_.collective(rank, number);
            Exchange::check(rank, posting, tensor);
            if (bytes > 0) sources.push_back(exchange_.read(rank, posting, 0, bytes));
        }
        if (bytes > 0) sum_in_order(tensor, sources);
        exchange_.leave(number);
    }

    void collect(const at::Tensor &target, const std::vector<int64_t> &parts, uint64_t number) {
        exchange_.arrive(number, all_to_all);
        const uint64_t table = uint64_t(getSize()) * sizeof(int64_t);
        const int64_t row = target.size(0) > 0 ? int64_t(target.nbytes()) / target.size(0) : 0;
        char *place = static_cast<char *>(target.data_ptr());
        std::vector<int64_t> sizes(parts.size());
        for (int rank = 0; rank < getSize(); ++rank) {
            const Posting &posting = exchange_.collective(rank, number);
            exchange_.copy(sizes.data(), rank, posting, 0, table);
            uint64_t begin = table;
            for (int earlier = 0; earlier < getRank(); ++earlier) {
                begin += uint64_t(sizes[size_t(earlier)]);
            }
            const int64_t sent = sizes[size_t(getRank())], expected = parts[size_t(rank)] * row;
            TORCH_CHECK(
                sent == expected && posting.type == int32_t(target.scalar_type()), "rank ", rank,
                " of the group sent ", sent, " bytes of ", at::ScalarType(posting.type), " where ",
                expected, " of ", target.scalar_type(), " are expected");
            exchange_.copy(place, rank, posting, begin, uint64_t(sent));
            place += sent;
        }
        exchange_.leave(number);
    }

    Exchange exchange_;
};

}  // namespace

c10::intrusive_ptr<c10d::Backend> make_shared_group(Exchange exchange) {
    return c10::make_intrusive<SharedGroup>(std::move(exchange));
}

}  // namespace apus
