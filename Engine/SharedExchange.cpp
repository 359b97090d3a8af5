#include "SharedExchange.hpp"

#include "Shim.hpp"

#include <cstring>
#include <thread>

namespace apus {
namespace {

using Clock = std::chrono::steady_clock;

// How often a waiting rank looks whether those that it waits for still live.
constexpr std::chrono::milliseconds look_interval{200};

const char *name(int32_t operation) {
    const char *names[] = {"nothing", "an all-reduce", "an all-to-all", "a broadcast", "a barrier",
                           "a message"};
    return operation >= 0 && operation <= message ? names[operation] : "something unknown";
}

}  // namespace

Exchange::Exchange(std::vector<Segment> segments, int rank, std::chrono::milliseconds timeout)
    : segments_(std::move(segments)), rank_(rank), outbox_(segments_[size_t(rank)]),
      timeout_(timeout), cursors_(segments_.size(), 0) {}

Board &Exchange::board(int rank) const {
    return *static_cast<Board *>(segments_[size_t(rank)].head());
}

Posting &Exchange::collective(int rank, uint64_t number) const {
    return board(rank).collectives[number % postings_max];
}

uint32_t Exchange::complete(uint64_t number) const {
    return uint32_t(uint64_t(size()) * (number / postings_max + 1));
}

// Posting

void Exchange::fill(
    Posting &posting, Operation operation, const at::Tensor &tensor, uint64_t number, int readers,
    const std::vector<int64_t> &parts) {
    const uint64_t table = parts.size() * sizeof(int64_t), bytes = uint64_t(tensor.nbytes());
    posting.operation = operation;
    posting.type = int32_t(tensor.scalar_type());
    posting.bytes = bytes;
    posting.offset = outbox_.place(table + bytes, posting, number);
    posting.readers.store(uint32_t(readers), std::memory_order_relaxed);
    if (table + bytes == 0) return;
    char *place = segments_[size_t(rank_)].body(posting.offset, table + bytes);
    const int64_t rows = tensor.dim() > 0 ? tensor.size(0) : 1;
    const int64_t row = rows > 0 ? int64_t(bytes) / rows : 0;
    for (size_t index = 0; index < parts.size(); ++index) {
        reinterpret_cast<int64_t *>(place)[index] = parts[index] * row;
    }
    if (bytes > 0) std::memcpy(place + table, tensor.const_data_ptr(), bytes);
}

uint64_t Exchange::post(
    Operation operation, const at::Tensor &tensor, const std::vector<int64_t> &parts) {
    const uint64_t number = next_;
    Posting &posting = collective(rank_, number);
    await_room(posting);
    fill(posting, operation, tensor, number, size(), parts);
    ++next_;
    posting.number.store(number + 1, std::memory_order_release);
    std::atomic<uint32_t> &arrivals = board(0).arrivals[number % postings_max];
    // Only the last one wakes the others, so that each of them wakes once.
    if (arrivals.fetch_add(1, std::memory_order_acq_rel) + 1 == complete(number)) wake(arrivals);
    return number;
}

void Exchange::send(const at::Tensor &tensor, int receiver, int64_t tag) {
    Board &own = board(rank_);
    const uint64_t number = own.message_count.load(std::memory_order_relaxed);
    Posting &posting = own.messages[number % postings_max];
    await_room(posting);
    fill(posting, message, tensor, number, 1, {});
    posting.receiver = receiver;
    posting.tag = tag;
    posting.number.store(number + 1, std::memory_order_release);
    own.message_count.store(number + 1, std::memory_order_release);
    Board &theirs = board(receiver);
    theirs.bell.fetch_add(1, std::memory_order_acq_rel);
    wake(theirs.bell);
}

// Waits until the one before in a posting's place was read by all.
void Exchange::await_room(const Posting &posting) const {
    const auto deadline = Clock::now() + timeout_;
    while (posting.readers.load(std::memory_order_acquire) > 0) {
        TORCH_CHECK(
            Clock::now() < deadline, "Timed out waiting ", timeout_.count(),
            " ms for ranks of the group to read what was sent");
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

// Waiting

void Exchange::await(
    const std::atomic<uint32_t> &word, Operation operation, const std::function<bool()> &is_done,
    const std::function<int(const std::function<bool(int)> &)> &missing) {
    const auto deadline = Clock::now() + timeout_;
    auto look = Clock::now() + look_interval;
    while (true) {
        const uint32_t value = word.load(std::memory_order_acquire);
        if (is_done()) return;
        const auto now = Clock::now();
        if (now >= look) {
            const int gone = missing([&](int rank) {
                return !segments_[size_t(rank)].owner_lives();
            });
            if (gone >= 0 && is_done()) return;
            TORCH_CHECK(
                gone < 0, "rank ", gone, " of the group has ended: connection closed by peer");
            look = now + look_interval;
        }
        TORCH_CHECK(
            now < deadline, "Timed out waiting ", timeout_.count(), " ms for rank ",
            missing([](int) { return true; }), " of the group to come to ", name(operation));
        sleep_while(
            word, value,
            std::min(
                look_interval,
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now)));
    }
}

void Exchange::arrive(uint64_t number, Operation operation) {
    const std::atomic<uint32_t> &arrivals = board(0).arrivals[number % postings_max];
    await(
        arrivals, operation,
        [&] { return int32_t(arrivals.load(std::memory_order_acquire) - complete(number)) >= 0; },
        [&](const std::function<bool(int)> &is_so) {
            for (int rank = 0; rank < size(); ++rank) {
                const bool is_missing = collective(rank, number).number.load() != number + 1;
                if (is_missing && is_so(rank)) return rank;
            }
            return -1;
        });
    for (int rank = 0; rank < size(); ++rank) {
        const int32_t other = collective(rank, number).operation;
        TORCH_CHECK(
            other == operation, "rank ", rank, " of the group came with ", name(other),
            " where this one has ", name(operation));
    }
}

void Exchange::leave(uint64_t number) {
    for (int rank = 0; rank < size(); ++rank) {
        collective(rank, number).readers.fetch_sub(1, std::memory_order_acq_rel);
    }
}

// Reading

void Exchange::check(int rank, const Posting &posting, const at::Tensor &tensor) {
    TORCH_CHECK(
        posting.type == int32_t(tensor.scalar_type()) &&
            posting.bytes == uint64_t(tensor.nbytes()),
        "rank ", rank, " of the group sent ", posting.bytes, " bytes of ",
        at::ScalarType(posting.type), " where ", tensor.nbytes(), " of ", tensor.scalar_type(),
        " are expected");
}

const char *Exchange::read(int rank, const Posting &posting, uint64_t begin, uint64_t bytes) {
    return segments_[size_t(rank)].body(posting.offset, begin + bytes) + begin;
}

void Exchange::copy(
    void *target, int rank, const Posting &posting, uint64_t begin, uint64_t bytes) {
    if (bytes > 0) std::memcpy(target, read(rank, posting, begin, bytes), bytes);
}

Posting *Exchange::find(int sender, int64_t tag) {
    Board &theirs = board(sender);
    const uint64_t count = theirs.message_count.load(std::memory_order_acquire);
    uint64_t &first = cursors_[size_t(sender)];
    if (count > first + postings_max) first = count - postings_max;
    bool is_first = true;
    for (uint64_t number = first; number < count; ++number) {
        Posting &posting = theirs.messages[number % postings_max];
        const bool is_open = posting.number.load(std::memory_order_acquire) == number + 1 &&
                             posting.receiver == rank_ &&
                             posting.readers.load(std::memory_order_acquire) > 0;
        if (is_open && posting.tag == tag) return &posting;
        if (is_open) is_first = false;
        if (is_first) first = number + 1;
    }
    return nullptr;
}

void Exchange::receive(const at::Tensor &tensor, int sender, int64_t tag) {
    Posting *found = nullptr;
    await(
        board(rank_).bell, message, [&] { return (found = find(sender, tag)) != nullptr; },
        [&](const std::function<bool(int)> &is_so) { return is_so(sender) ? sender : -1; });
    check(sender, *found, tensor);
    copy(tensor.data_ptr(), sender, *found, 0, found->bytes);
    found->readers.fetch_sub(1, std::memory_order_acq_rel);
}

}  // namespace apus
